using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines;

/// <summary>
/// Refuses to start machines while the disk that takes their records and consoles is nearly full or missing: those that run need
/// what is left to tell how they end.
/// </summary>
/// <param name="state">The state directory.</param>
/// <param name="minimum">What must be free for a start; 0 for anything.</param>
public sealed class DiskSpace(StateDirectory state, ByteSize minimum)
{
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.ResourceExhausted"/>: there is less; <see cref="VmHostError.FailedPrecondition"/>: the state directory
    /// was moved or removed, or its disk cannot be examined.
    /// </exception>
    internal void ThrowIfLow()
    {
        if (!state.IsInPlace)
            throw new VmHostException(VmHostError.FailedPrecondition, $"the state directory {state.Path} was moved, removed or replaced while vmhostd runs: move it back, or restart vmhostd") { Reason = ErrorReason.StateDirectoryLost };

        var free = Free();
        if (free.Bytes < minimum.Bytes)
        {
            throw new VmHostException(VmHostError.ResourceExhausted, $"only {free} are free on the disk of {state.Path}, and a start wants {minimum}: make room there, or start vmhostd with a smaller --min-free-bytes")
            {
                Reason = ErrorReason.DiskSpaceLow,
                Metadata = ErrorMetadata.Of(("limit", minimum.Bytes), ("free", free.Bytes)),
            };
        }
    }

    private ByteSize Free()
    {
        try
        {
            return new(new DriveInfo(state.Path).AvailableFreeSpace);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmHostException(VmHostError.FailedPrecondition, $"the free space of the disk of {state.Path} cannot be determined: {e.Message}") { Reason = ErrorReason.HostIoError };
        }
    }
}
