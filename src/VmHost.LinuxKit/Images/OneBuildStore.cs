using VmHost.Posix;

namespace VmHost.LinuxKit.Images;

/// <summary>
/// A store for one build, within the one of the images that are kept; it is removed with the build. What a killed build leaves the next one of these
/// removes, or a pruning: nobody holds its lock.
/// </summary>
public sealed class OneBuildStore : IDisposable
{
    private const string Folder = "one-build";
    private const string LockExtension = ".lock";

    private readonly string _path;

    // Null: somebody else has it, or removed it.
    private readonly FileLock? _lock;

    private OneBuildStore(string path, FileLock? @lock)
    {
        _path = path;
        _lock = @lock;
    }

    /// <summary>Where the build keeps its images.</summary>
    public string Directory => Path.ChangeExtension(_path, null);

    /// <param name="storeDirectory">Of the images that are kept.</param>
    /// <exception cref="LinuxKitException">It cannot be made.</exception>
    public static OneBuildStore Create(string storeDirectory)
    {
        try
        {
            Sweep(storeDirectory);
            var folder = System.IO.Directory.CreateDirectory(Path.Combine(Path.GetFullPath(storeDirectory), Folder)).FullName;
            while (true)
            {
                // Who sweeps may come between the making of the file and its lock.
                var path = Path.Combine(folder, $"{Guid.NewGuid():N}{LockExtension}");
                var store = new OneBuildStore(path, SharedLock.TryAcquire(path));
                if (store._lock is not null && File.Exists(path))
                    return store;
                store.Dispose();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LinuxKitException($"no images can be kept in {storeDirectory}: {e.Message} (choose another place with --cache)", e);
        }
    }

    /// <summary>Removes those that nobody holds.</summary>
    /// <returns>Freed bytes.</returns>
    internal static long Sweep(string storeDirectory)
    {
        var folder = Path.Combine(storeDirectory, Folder);
        if (!System.IO.Directory.Exists(folder))
            return 0;

        var freed = 0L;
        foreach (var path in System.IO.Directory.EnumerateFiles(folder, "*" + LockExtension).ToList())
        {
            using var left = new OneBuildStore(path, FileLock.TryTakeExisting(path));
            if (left._lock is not null && System.IO.Directory.Exists(left.Directory))
                freed += new DirectoryInfo(left.Directory).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        }

        return freed;
    }

    /// <summary>Removes it.</summary>
    public void Dispose()
    {
        if (_lock is null)
            return;

        // The lock goes last: a directory without one would stay for ever.
        if (System.IO.Directory.Exists(Directory))
            System.IO.Directory.Delete(Directory, recursive: true);
        File.Delete(_path);
        _lock.Dispose();
    }
}
