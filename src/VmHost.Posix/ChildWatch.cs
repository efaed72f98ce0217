using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>Waits for a child's end without collecting it, so that its process id cannot pass to another process yet.</summary>
public static partial class ChildWatch
{
    private const int ByProcessId = 1;
    private const int Exited = 4;

    // More than siginfo_t needs (128 bytes on Linux, 104 on macOS).
    private const int InfoSize = 128;

    // WNOWAIT.
    private static int LeaveWaitable { get; } = OperatingSystem.IsMacOS() ? 0x20 : 0x1000000;

    /// <summary>Returns when the child has ended; <see cref="ChildProcess.Wait"/> collects it.</summary>
    /// <exception cref="PosixException">It is not a child of this process, or is collected already.</exception>
    public static void WaitForEnd(int pid)
    {
        Span<byte> info = stackalloc byte[InfoSize];
        int result;
        do
            result = WaitId(ByProcessId, (uint)pid, ref MemoryMarshal.GetReference(info), Exited | LeaveWaitable);
        while (result != 0 && Descriptor.LastError == Errno.Interrupted);

        if (result != 0)
            throw PosixException.Last($"waitid {pid}");
    }

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static partial int WaitId(int kind, uint id, ref byte info, int options);
}
