using System.Runtime.InteropServices;

namespace VmHost.FakeHypervisor;

/// <summary>The few calls that .NET does not offer: plain files, terminals and locks by descriptor, and signals.</summary>
internal static partial class Native
{
    internal const int WouldBlock = 11;
    internal const int Interrupted = 4;

    internal const int Hangup = 1;
    internal const int Interrupt = 2;
    internal const int Quit = 3;
    internal const int Abort = 6;
    internal const int User1 = 10;
    internal const int SegmentationFault = 11;
    internal const int User2 = 12;
    internal const int Terminate = 15;

    internal const int ReadOnly = 0;
    internal const int ReadWrite = 2;
    internal const int NoControllingTerminal = 0x100;

    private const int CloseOnExec = 0x80000;
    private const int SetFlags = 4;
    private const int GetFlags = 3;
    private const int NonBlocking = 0x800;
    private const int LockShared = 1;
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;

    internal static int Open(string path, int flags) => OpenFile(path, flags | CloseOnExec);

    internal static int Read(int descriptor, Span<byte> buffer) =>
        (int)ReadFile(descriptor, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);

    internal static int Write(int descriptor, ReadOnlySpan<byte> data) =>
        (int)WriteFile(descriptor, ref MemoryMarshal.GetReference(data), (nuint)data.Length);

    internal static bool IsOpen(int descriptor) => FileControl(descriptor, GetFlags, 0) >= 0;

    internal static bool IsTerminal(int descriptor) => IsTty(descriptor) == 1;

    internal static bool TryLock(int descriptor, bool shared) =>
        LockFile(descriptor, (shared ? LockShared : LockExclusive) | LockNonBlocking) == 0;

    internal static void SetNonBlocking(int descriptor) =>
        _ = FileControl(descriptor, SetFlags, FileControl(descriptor, GetFlags, 0) | NonBlocking);

    internal static void DieOf(int signal)
    {
        _ = SetHandler(signal, 0);
        _ = SendSignal(Environment.ProcessId, signal);
    }

    internal static void Ignore(int signal) => _ = SetHandler(signal, 1);

    /// <summary>Ends at once, without waiting for other threads.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    internal static partial void Exit(int code);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "flock")]
    private static partial int LockFile(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFile(int descriptor, ref byte buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteFile(int descriptor, ref byte buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsTty(int descriptor);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FileControl(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
