using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>
/// A lock on a file (<c>flock</c>) that lives as long as any process holds the descriptor it was taken on, this one or
/// a child that inherited it. Not a .NET handle: disposing one unlocks the file for the child too.
/// </summary>
public sealed partial class FileLock : IDisposable
{
    private const int Shared = 1;
    private const int Exclusive = 2;
    private const int NonBlocking = 4;

    private int _descriptor;

    private FileLock(int descriptor) => _descriptor = descriptor;

    /// <summary>The open descriptor, for handing on to a child.</summary>
    public int Number => _descriptor;

    /// <summary>
    /// Takes the lock, or returns null when somebody else holds it. Creates the file with mode 0600. On a disk that is
    /// read-only now, one that is there can be locked all the same.
    /// </summary>
    /// <exception cref="PosixException">The file cannot be opened or locked.</exception>
    public static FileLock? TryTake(string path)
    {
        var descriptor = Descriptor.TryOpen(
            path, Descriptor.ReadWrite | Descriptor.Create | Descriptor.NoFollow, Convert.ToInt32("600", 8));
        if (descriptor < 0)
        {
            descriptor = Descriptor.LastError == Errno.ReadOnlyFileSystem
                ? Descriptor.Open(path, Descriptor.ReadOnly | Descriptor.NoFollow)
                : throw PosixException.Last($"open {path}");
        }

        if (Flock(descriptor, Exclusive | NonBlocking) == 0)
            return new FileLock(descriptor);

        var error = Descriptor.LastError;
        Descriptor.Close(descriptor);
        return error == Errno.WouldBlock ? null : throw new PosixException($"flock {path}", error);
    }

    /// <summary>Writes into the locked file who holds it, for people. Only a fresh holder's first note counts.</summary>
    public void Note(string text)
    {
        _ = Truncate(_descriptor, 0);
        _ = Descriptor.Write(_descriptor, System.Text.Encoding.UTF8.GetBytes(text));
    }

    /// <summary>True when some process holds the lock. A file that is not there is not held.</summary>
    /// <exception cref="PosixException">The file cannot be opened or probed; whether it is held is not known.</exception>
    public static bool IsHeld(string path)
    {
        var descriptor = Descriptor.TryOpen(path, Descriptor.ReadOnly | Descriptor.NoFollow);
        if (descriptor < 0)
            return Descriptor.LastError == Errno.NoEntry ? false : throw PosixException.Last($"open {path}");

        try
        {
            if (Flock(descriptor, Shared | NonBlocking) == 0)
                return false;

            return Descriptor.LastError == Errno.WouldBlock ? true : throw PosixException.Last($"flock {path}");
        }
        finally
        {
            Descriptor.Close(descriptor);
        }
    }

    /// <summary>Closes this process's copy. The lock is free once no other process holds one.</summary>
    public void Dispose()
    {
        var descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
            Descriptor.Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Truncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Flock(int descriptor, int operation);
}
