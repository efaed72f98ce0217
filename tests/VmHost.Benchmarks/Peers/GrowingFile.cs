using VmHost.Posix;

namespace VmHost.Benchmarks.Peers;

/// <summary>A file that a peer writes which does not say when it is done.</summary>
internal static class GrowingFile
{
    // A peer that loses bytes never gets to the end.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    /// <summary>Waits until a file is as long as it is to become, or has not grown for five seconds.</summary>
    /// <returns>When it grew last.</returns>
    internal static long WaitFor(string path, long bytes)
    {
        var (size, grewAt) = (0L, TimeProvider.System.GetTimestamp());
        while (size < bytes && TimeProvider.System.GetElapsedTime(grewAt) < Silence)
        {
            Poll.Wait([], 1);
            var file = new FileInfo(path);
            if (file.Exists && file.Length > size)
                (size, grewAt) = (file.Length, TimeProvider.System.GetTimestamp());
        }

        return grewAt;
    }
}
