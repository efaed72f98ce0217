using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>
/// Refuses to start machines while the disk that takes their records and consoles is nearly full: those that run need
/// what is left to tell how they end.
/// </summary>
/// <param name="directory">The state directory.</param>
/// <param name="minimum">What must be free for a start; 0 for anything.</param>
public sealed class DiskSpace(string directory, ByteSize minimum)
{
    /// <exception cref="VmHostException"><see cref="VmHostError.ResourceExhausted"/>: there is less.</exception>
    internal void ThrowIfLow()
    {
        var free = new ByteSize(new DriveInfo(directory).AvailableFreeSpace);
        if (free.Bytes < minimum.Bytes)
            throw new VmHostException(VmHostError.ResourceExhausted, $"only {free} are free on the disk of {directory}, and a start wants {minimum}: make room there, or start vmhostd with a smaller --min-free-bytes");
    }
}
