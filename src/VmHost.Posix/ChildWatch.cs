using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>Waits for a child's end without collecting it, so that its process id cannot pass to another process yet.</summary>
public static partial class ChildWatch
{
    /// <summary>Returns when the child has ended; <see cref="ChildProcess.Wait"/> collects it.</summary>
    /// <exception cref="PosixException">It is not a child of this process, or is collected already.</exception>
    public static void WaitForEnd(int pid)
    {
        Span<byte> info = stackalloc byte[ProcessTable.SignalInfoSize.Value];
        var options = ProcessTable.WaitExited.Value | ProcessTable.WaitLeaveWaitable.Value;
        int result;
        do
            result = WaitId(ProcessTable.WaitForProcessId.Value, (uint)pid, ref MemoryMarshal.GetReference(info), options);
        while (result != 0 && Descriptor.LastError == Errno.Interrupted);

        if (result != 0)
            throw PosixException.Last($"waitid {pid}");
    }

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static partial int WaitId(int kind, uint id, ref byte info, int options);
}
