using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>
/// File descriptors as plain numbers, for what .NET handles cannot do: keep a <c>flock</c> that a child inherits, open
/// a terminal without becoming its owner, and read and write without allocating.
/// </summary>
public static partial class Descriptor
{
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int ReadWrite = 2;

    public static int Create { get; } = FileTable.Create.Value;

    public static int Truncate { get; } = FileTable.Truncate.Value;

    public static int Append { get; } = FileTable.Append.Value;

    public static int NoControllingTerminal { get; } = FileTable.NoControllingTerminal.Value;

    public static int CloseOnExec { get; } = FileTable.CloseOnExec.Value;

    public static int NoFollow { get; } = FileTable.NoFollow.Value;

    public static int Directory { get; } = FileTable.Directory.Value;

    public static int NonBlocking { get; } = FileTable.NonBlocking.Value;

    /// <summary>Opens a file; close-on-exec always.</summary>
    /// <param name="path">An absolute path, or one relative to the working directory.</param>
    /// <param name="flags">Of this class.</param>
    /// <param name="mode">Permission bits of a file that is created.</param>
    /// <exception cref="PosixException">The call failed.</exception>
    public static int Open(string path, int flags, int mode = 0)
    {
        var descriptor = TryOpen(path, flags, mode);
        return descriptor >= 0 ? descriptor : throw new PosixException($"open {path}", LastError);
    }

    /// <summary>As <see cref="Open"/>, but -1 when it failed; <see cref="LastError"/> says why.</summary>
    public static int TryOpen(string path, int flags, int mode = 0)
    {
        int descriptor;
        do
        {
            descriptor = Variadic.OnStack
                ? OpenOnStack(path, flags | CloseOnExec, 0, 0, 0, 0, 0, 0, mode)
                : OpenFile(path, flags | CloseOnExec, mode);
        }
        while (descriptor < 0 && LastError == Errno.Interrupted);

        return descriptor;
    }

    /// <summary>The error number of the last failed call on this thread.</summary>
    public static int LastError => Marshal.GetLastPInvokeError();

    /// <summary>Closes it. Errors are not reported: after close the number is free whatever it returned.</summary>
    public static void Close(int descriptor) => _ = CloseFile(descriptor);

    /// <summary>Bytes read, 0 at the end, -1 when it failed (<see cref="LastError"/>).</summary>
    public static int Read(int descriptor, Span<byte> buffer)
    {
        nint count;
        do
            count = ReadFile(descriptor, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
        while (count < 0 && LastError == Errno.Interrupted);

        return (int)count;
    }

    /// <summary>Bytes written, perhaps fewer than given; -1 when it failed (<see cref="LastError"/>).</summary>
    public static int Write(int descriptor, ReadOnlySpan<byte> data)
    {
        nint count;
        do
            count = WriteFile(descriptor, ref MemoryMarshal.GetReference(data), (nuint)data.Length);
        while (count < 0 && LastError == Errno.Interrupted);

        return (int)count;
    }

    /// <summary>Cuts a file off at <paramref name="length"/> bytes; false when it failed (<see cref="LastError"/>).</summary>
    public static bool TryTruncate(int descriptor, long length) => TruncateFile(descriptor, length) == 0;

    /// <summary>Flushes a file or directory to its disk.</summary>
    /// <exception cref="PosixException">The call failed: what was written may be lost.</exception>
    public static void Flush(int descriptor)
    {
        if (FlushFile(descriptor) != 0)
            throw PosixException.Last("fsync");
    }

    /// <summary>Flushes a directory, so that a rename in it survives a power failure.</summary>
    /// <exception cref="PosixException">It could not be opened or flushed.</exception>
    public static void FlushDirectory(string path)
    {
        var descriptor = OpenDirectory(path);
        try
        {
            Flush(descriptor);
        }
        finally
        {
            Close(descriptor);
        }
    }

    /// <summary>Opens a directory, to flush it: that makes renames in it durable.</summary>
    /// <exception cref="PosixException">It cannot be opened.</exception>
    public static int OpenDirectory(string path) => Open(path, ReadOnly | Directory);

    /// <summary>A pipe; both ends close-on-exec.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static (int Read, int Write) Pipe()
    {
        Span<int> ends = stackalloc int[2];
        if (MakePipe(ref MemoryMarshal.GetReference(ends)) != 0)
            throw PosixException.Last("pipe");

        // Renumbered away from those that a spawned child gets, and made close-on-exec on the way.
        var read = DuplicateAbove(ends[0], 10);
        var write = DuplicateAbove(ends[1], 10);
        Close(ends[0]);
        Close(ends[1]);
        return (read, write);
    }

    /// <summary>A duplicate with a number of at least <paramref name="minimum"/>, close-on-exec.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static int DuplicateAbove(int descriptor, int minimum)
    {
        var copy = Control(descriptor, FileTable.DuplicateCloseOnExec.Value, minimum);
        return copy >= 0 ? copy : throw PosixException.Last("fcntl(F_DUPFD_CLOEXEC)");
    }

    /// <summary>Makes <paramref name="number"/> a duplicate that programs executed by this process inherit.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static void DuplicateTo(int descriptor, int number)
    {
        if (DuplicateFile(descriptor, number) < 0)
            throw PosixException.Last("dup2");
    }

    /// <summary>Lets no program that this process executes inherit the descriptor.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static void SetCloseOnExec(int descriptor)
    {
        if (Control(descriptor, FileTable.SetDescriptorFlags.Value, FileTable.DescriptorCloseOnExec.Value) < 0)
            throw PosixException.Last("fcntl(F_SETFD)");
    }

    /// <summary>Makes reads and writes return at once, for all who have the file open by the same call; or wait again.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static void SetNonBlocking(int descriptor, bool on = true)
    {
        var flags = Control(descriptor, FileTable.GetFlags.Value, 0);
        var wanted = on ? flags | NonBlocking : flags & ~NonBlocking;
        if (flags < 0 || Control(descriptor, FileTable.SetFlags.Value, wanted) < 0)
            throw PosixException.Last("fcntl(F_SETFL)");
    }

    /// <summary>Changes the working directory of this process to an open directory.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static void ChangeDirectory(int descriptor)
    {
        if (ChangeDirectoryTo(descriptor) != 0)
            throw PosixException.Last("fchdir");
    }

    private static int Control(int descriptor, int command, int argument) =>
        Variadic.OnStack
            ? ControlOnStack(descriptor, command, 0, 0, 0, 0, 0, 0, argument)
            : ControlFile(descriptor, command, argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenOnStack(
        string path, int flags, nint x2, nint x3, nint x4, nint x5, nint x6, nint x7, int mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int ControlFile(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int ControlOnStack(
        int descriptor, int command, nint x2, nint x3, nint x4, nint x5, nint x6, nint x7, int argument);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseFile(int descriptor);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFile(int descriptor, ref byte buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteFile(int descriptor, ref byte buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int TruncateFile(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FlushFile(int descriptor);

    [LibraryImport("libc", EntryPoint = "pipe", SetLastError = true)]
    private static partial int MakePipe(ref int ends);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int DuplicateFile(int descriptor, int number);

    [LibraryImport("libc", EntryPoint = "fchdir", SetLastError = true)]
    private static partial int ChangeDirectoryTo(int descriptor);
}
