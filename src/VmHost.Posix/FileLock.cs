using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>
/// A lock on a file (<c>flock</c>) that lives as long as any process holds the descriptor it was taken on, this one or
/// a child that inherited it. Not a .NET handle: disposing one unlocks the file for the child too.
/// </summary>
public sealed partial class FileLock : IDisposable
{
    private const int OwnerOnly = 0x180;   // rw-------

    private int _descriptor;

    private FileLock(int descriptor) => _descriptor = descriptor;

    /// <summary>The open descriptor, for handing on to a child.</summary>
    public int Number => _descriptor;

    /// <summary>
    /// Takes the lock, or returns null while another process holds or shares it. Creates the file. An existing file on
    /// a disk that is read-only can be locked.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="mode">Permission bits of a created file, less the umask; 0600 unless given.</param>
    /// <exception cref="PosixException">The file cannot be opened or locked.</exception>
    public static FileLock? TryTake(string path, int mode = OwnerOnly) => TryLock(path, OpenOrCreate(path, mode), FileTable.LockExclusive);

    /// <summary>As <see cref="TryTake"/>, for any number of processes at the same time; null while one holds it alone.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mode">Permission bits of a created file, less the umask; 0600 unless given.</param>
    /// <exception cref="PosixException">The file cannot be opened or locked.</exception>
    public static FileLock? TryShare(string path, int mode = OwnerOnly) => TryLock(path, OpenOrCreate(path, mode), FileTable.LockShared);

    /// <summary>As <see cref="TryTake"/>, but null too where the file is missing: a removed file is not created again.</summary>
    /// <exception cref="PosixException">The file cannot be opened or locked.</exception>
    public static FileLock? TryTakeExisting(string path) =>
        OpenExisting(path) is var descriptor and >= 0 ? TryLock(path, descriptor, FileTable.LockExclusive) : null;

    /// <summary>
    /// As <see cref="TryShare"/>, but null too where the file is missing. The file needs to be readable only.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="exists">False where the file is missing.</param>
    /// <exception cref="PosixException">The file cannot be opened or locked.</exception>
    public static FileLock? TryShareExisting(string path, out bool exists)
    {
        var descriptor = OpenExisting(path);
        exists = descriptor >= 0;
        return exists ? TryLock(path, descriptor, FileTable.LockShared) : null;
    }

    /// <summary>Writes into the locked file who holds it, for people. Only a fresh holder's first note counts.</summary>
    public void Note(string text)
    {
        _ = Descriptor.TryTruncate(_descriptor, 0);
        _ = Descriptor.Write(_descriptor, System.Text.Encoding.UTF8.GetBytes(text));
    }

    /// <summary>True when some process holds the lock. A file that is not there is not held.</summary>
    /// <exception cref="PosixException">The file cannot be opened or probed; whether it is held is not known.</exception>
    public static bool IsHeld(string path)
    {
        using var shared = TryShareExisting(path, out var exists);
        return exists && shared is null;
    }

    /// <summary>Closes this process's copy. The lock is free once no other process holds one.</summary>
    public void Dispose()
    {
        var descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
            Descriptor.Close(descriptor);
    }

    private static int OpenOrCreate(string path, int mode)
    {
        var descriptor = Descriptor.TryOpen(path, Descriptor.ReadWrite | Descriptor.Create | Descriptor.NoFollow, mode);
        if (descriptor >= 0)
            return descriptor;

        return Descriptor.LastError == Errno.ReadOnlyFileSystem
            ? Descriptor.Open(path, Descriptor.ReadOnly | Descriptor.NoFollow)
            : throw PosixException.Last($"open {path}");
    }

    // -1 where it is missing.
    private static int OpenExisting(string path)
    {
        var descriptor = Descriptor.TryOpen(path, Descriptor.ReadOnly | Descriptor.NoFollow);
        return descriptor >= 0 || Descriptor.LastError == Errno.NoEntry ? descriptor : throw PosixException.Last($"open {path}");
    }

    private static FileLock? TryLock(string path, int descriptor, SystemValue kind)
    {
        if (Flock(descriptor, kind.Value | FileTable.LockNonBlocking.Value) == 0)
            return new FileLock(descriptor);

        var error = Descriptor.LastError;
        Descriptor.Close(descriptor);
        return error == Errno.WouldBlock ? null : throw new PosixException($"flock {path}", error);
    }

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(int descriptor, int operation);
}
