using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.State;

/// <summary>The daemon's state directory, held by one daemon at a time.</summary>
public sealed class StateDirectory : IDisposable
{
    private readonly FileLock _lock;
    private readonly (ulong Device, ulong Inode)? _identity;

    private StateDirectory(string path, FileLock directoryLock) => (Path, _lock, _identity) = (path, directoryLock, IdentityOf(path));

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>Where the machines' directories are.</summary>
    public string Machines => System.IO.Path.Combine(Path, "machines");

    /// <summary>The file that holds what happened.</summary>
    public string Events => System.IO.Path.Combine(Path, "events.jsonl");

    /// <summary>
    /// False when the path no longer leads to the directory that this daemon locked: it was moved, removed or replaced. What is
    /// written there then has no lock, and another daemon may own it.
    /// </summary>
    public bool IsInPlace => _identity is not null && IdentityOf(Path) == _identity;

    /// <summary>Makes the directory if it is not there, checks that it can be trusted, and takes it.</summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it cannot be used; <see cref="VmHostError.Unavailable"/>: another
    /// daemon has it. The message says what to do. Nothing was touched.
    /// </exception>
    public static StateDirectory Open(string path, TimeProvider time)
    {
        PrivateDirectory.Ensure(path, "--state-dir");

        var lockPath = System.IO.Path.Combine(path, "daemon.lock");
        try
        {
            RefuseNetworkFileSystem(path);
            var taken = FileLock.TryTake(lockPath)
                ?? throw new VmHostException(VmHostError.Unavailable, $"the state directory {path} is held by {LockNote.HolderOf(lockPath)}; stop that one first or choose another --state-dir");
            taken.Note(LockNote.Of(time));

            var state = new StateDirectory(path, taken);
            Directory.CreateDirectory(state.Machines, PrivateDirectory.OwnerOnly);
            return state;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmHostException(VmHostError.FailedPrecondition, $"the state directory {path} cannot be used: {e.Message}; make it writable for this user or choose another --state-dir");
        }
    }

    /// <summary>Lets go of it.</summary>
    public void Dispose() => _lock.Dispose();

    private static (ulong Device, ulong Inode)? IdentityOf(string path) =>
        FileStatus.TryGet(path, out var status) ? (status.Device, status.Inode) : null;

    // A lock there may not be seen by another host, and may outlive its holder.
    private static void RefuseNetworkFileSystem(string path)
    {
        var format = new DriveInfo(path).DriveFormat;
        if (format.StartsWith("nfs", StringComparison.OrdinalIgnoreCase))
            throw new VmHostException(VmHostError.FailedPrecondition, $"the state directory {path} is on NFS, whose locks do not prove that a machine is dead; choose a --state-dir on a local disk");
    }
}
