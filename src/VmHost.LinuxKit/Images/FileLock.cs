namespace VmHost.LinuxKit.Images;

/// <summary>A lock between processes, let go by the kernel when its holder dies.</summary>
internal static class FileLock
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    /// <summary>Waits until nobody else has it. The file stays: removing it would give two holders two files.</summary>
    internal static async Task<FileStream> AcquireAsync(string path, CancellationToken ct)
    {
        FileStream? taken;

        // The kernel tells nobody when a lock becomes free unless he blocks in flock, which cannot be called off.
        while ((taken = TryAcquire(path)) is null)
            await Task.Delay(LookAgain, TimeProvider.System, ct);
        return taken;
    }

    /// <summary>Waits until nobody has it alone.</summary>
    internal static async Task<IDisposable> ShareAsync(string path, CancellationToken ct)
    {
        IDisposable? shared;
        while ((shared = TryShare(path)) is null)
            await Task.Delay(LookAgain, TimeProvider.System, ct);
        return shared;
    }

    /// <summary>Opens a file to read it, when nobody has it alone; null: it is not there.</summary>
    internal static async Task<FileStream?> ReadAsync(string path, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                return null;
            }
            catch (IOException e) when (IsHeld(e))
            {
                await Task.Delay(LookAgain, TimeProvider.System, ct);
            }
        }
    }

    /// <summary>Null: somebody has it, or shares it.</summary>
    internal static FileStream? TryAcquire(string path) => TryAcquire(path, FileMode.OpenOrCreate);

    /// <summary>As <see cref="TryAcquire(string)"/>; null too: it is not there. A file that somebody removes is not made anew.</summary>
    internal static FileStream? TryAcquireExisting(string path)
    {
        try
        {
            return TryAcquire(path, FileMode.Open);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static FileStream? TryAcquire(string path, FileMode mode)
    {
        try
        {
            return new FileStream(path, mode, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (IsHeld(e))
        {
            return null;
        }
    }

    /// <summary>Any number may share it; whoever wants it alone does not get it meanwhile. Null: somebody has it alone.</summary>
    private static FileStream? TryShare(string path)
    {
        try
        {
            using (new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite))
            {
                // It has to be there to be opened for reading only, which is what makes .NET take a shared lock.
            }

            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (IOException e) when (IsHeld(e))
        {
            return null;
        }
    }

    /// <summary>True where opening failed because somebody else has the lock.</summary>
    internal static bool IsHeld(IOException e) => e is not (FileNotFoundException or DirectoryNotFoundException or PathTooLongException) && (e.HResult & 0xFFFF) is 11 or 35;
}
