using System.Runtime.InteropServices;

namespace VmHost.FakeHypervisor;

/// <summary>The few calls that .NET does not offer: plain reads and writes on fd 0, and signals.</summary>
internal static partial class Native
{
    internal const int WouldBlock = 11;
    internal const int Interrupted = 4;

    private const int SetFlags = 4;
    private const int GetFlags = 3;
    private const int NonBlocking = 0x800;

    internal static int Read(int descriptor, Span<byte> buffer) =>
        (int)ReadFile(descriptor, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);

    internal static int Write(int descriptor, ReadOnlySpan<byte> data) =>
        (int)WriteFile(descriptor, ref MemoryMarshal.GetReference(data), (nuint)data.Length);

    internal static bool IsTerminal(int descriptor) => IsTty(descriptor) == 1;

    internal static void SetNonBlocking(int descriptor) =>
        _ = FileControl(descriptor, SetFlags, FileControl(descriptor, GetFlags, 0) | NonBlocking);

    internal static void DieOf(int signal)
    {
        _ = SetHandler(signal, 0);
        _ = SendSignal(Environment.ProcessId, signal);
    }

    internal static void Ignore(int signal) => _ = SetHandler(signal, 1);

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

    /// <summary>Ends at once, without waiting for other threads.</summary>
    [LibraryImport("libc", EntryPoint = "_exit")]
    internal static partial void Exit(int code);
}
