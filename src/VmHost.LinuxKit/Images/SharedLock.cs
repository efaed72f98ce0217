using VmHost.Posix;

namespace VmHost.LinuxKit.Images;

/// <summary>
/// Locks between builds, on files that other users of the directory may lock too. The kernel releases a lock when its
/// holder dies.
/// </summary>
internal static class SharedLock
{
    // rw-rw-rw-, less the umask.
    private const int AnyUser = 0x1B6;

    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits until no other process has the lock. The file stays: removing it would give two holders two files.</summary>
    internal static Task<FileLock> AcquireAsync(string path, CancellationToken ct) => WaitAsync(() => TryAcquire(path), ct);

    /// <summary>Waits until no process has the lock alone.</summary>
    internal static Task<FileLock> ShareAsync(string path, CancellationToken ct) =>
        WaitAsync(() => FileLock.TryShare(path, AnyUser), ct);

    /// <summary>Waits until no process has the lock alone; null where the file is missing.</summary>
    internal static async Task<FileLock?> ShareExistingAsync(string path, CancellationToken ct)
    {
        FileLock? shared;
        while ((shared = FileLock.TryShareExisting(path, out var exists)) is null && exists)
            await Task.Delay(RetryInterval, TimeProvider.System, ct);
        return shared;
    }

    /// <summary>Null: another process has the lock, or shares it.</summary>
    internal static FileLock? TryAcquire(string path) => FileLock.TryTake(path, AnyUser);

    /// <summary>True where opening a file failed because another process has it locked.</summary>
    internal static bool IsHeld(IOException e) => e.HResult == Errno.WouldBlock;

    // The kernel notifies nobody when a lock becomes free, except a caller that blocks in flock, which cannot be cancelled.
    private static async Task<FileLock> WaitAsync(Func<FileLock?> tryTake, CancellationToken ct)
    {
        FileLock? taken;
        while ((taken = tryTake()) is null)
            await Task.Delay(RetryInterval, TimeProvider.System, ct);
        return taken;
    }
}
