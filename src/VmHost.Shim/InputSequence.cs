using VmHost.ShimContract.Wire;

namespace VmHost.Shim;

/// <summary>
/// How far the last session's input has come. A client that does not know whether its input arrived, because the daemon was
/// killed, sends it again: what was written before is skipped.
/// </summary>
internal sealed class InputSequence
{
    private Guid _session;
    private long _next;

    /// <summary>The number of bytes at the begin of <paramref name="input"/> that were written before.</summary>
    internal int WrittenOf(InputAt input, int length)
    {
        if (input.Session != _session)
            (_session, _next) = (input.Session, input.Offset);

        return (int)Math.Clamp(_next - input.Offset, 0, length);
    }

    /// <summary>The session's input was written up to here.</summary>
    internal void Reach(InputAt input)
    {
        if (input.Session == _session)
            _next = Math.Max(_next, input.Offset);
    }
}
