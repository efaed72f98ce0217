using System.Buffers;

namespace VmHost.Cli.Terminal;

/// <summary>
/// Finds the keys that leave a console: Ctrl-] anywhere, as virsh has it, and ~. at the beginning of a line, as ssh has it.
/// ~~ there types one ~. It works byte by byte, so it does not matter how the input is cut into pieces.
/// </summary>
internal sealed class DetachKeys
{
    private const byte ControlBracket = 0x1d;

    private readonly ArrayBufferWriter<byte> _typed = new();

    // A ~ at the beginning of a line is held back until the next key.
    private bool _lineBegins = true;
    private bool _held;

    /// <summary>What of <paramref name="keys"/> is for the guest, valid until the next call; and whether the person leaves.</summary>
    internal (ReadOnlyMemory<byte> Typed, bool Leaves) Take(ReadOnlySpan<byte> keys)
    {
        _typed.ResetWrittenCount();
        foreach (var key in keys)
        {
            if (key == ControlBracket || (_held && key == (byte)'.'))
                return (_typed.WrittenMemory, true);

            Take(key);
        }

        return (_typed.WrittenMemory, false);
    }

    private void Take(byte key)
    {
        if (key == (byte)'~' && _lineBegins)
        {
            (_held, _lineBegins) = (true, false);
            return;
        }

        if (_held && key != (byte)'~')
            Type((byte)'~');

        _held = false;
        Type(key);
        _lineBegins = key is (byte)'\r' or (byte)'\n';
    }

    private void Type(byte key)
    {
        _typed.GetSpan(1)[0] = key;
        _typed.Advance(1);
    }
}
