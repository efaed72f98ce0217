using System.Buffers.Binary;
using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>How a child process ended: by a code or by a signal, never both.</summary>
/// <param name="Code">0 to 255, or null.</param>
/// <param name="Signal">The signal that ended it, or null.</param>
/// <param name="UserTime">Processor time in user mode.</param>
/// <param name="SystemTime">Processor time in the kernel.</param>
public readonly record struct ChildExit(int? Code, int? Signal, TimeSpan UserTime, TimeSpan SystemTime);

/// <summary>Collects children that were started by <see cref="ProcessSpawn"/>.</summary>
public static partial class ChildProcess
{
    /// <summary>Waits until the child ends and collects it.</summary>
    /// <exception cref="PosixException">It is no child of this process.</exception>
    public static ChildExit Wait(int pid) => Collect(pid, 0) ?? throw new PosixException($"wait4 {pid}", Errno.NoChild);

    /// <summary>Collects the child if it ended; null while it runs.</summary>
    /// <exception cref="PosixException">It is no child of this process.</exception>
    public static ChildExit? TryCollect(int pid) => Collect(pid, ProcessTable.WaitNoHang.Value);

    private static ChildExit? Collect(int pid, int options)
    {
        Span<byte> usage = stackalloc byte[ProcessTable.UsageSize.Value];
        usage.Clear();
        int result, status;
        do
            result = Wait4(pid, out status, options, ref MemoryMarshal.GetReference(usage));
        while (result < 0 && Descriptor.LastError == Errno.Interrupted);

        if (result < 0)
            throw PosixException.Last($"wait4 {pid}");

        if (result == 0)
            return null;

        var signal = status & 0x7f;
        return new ChildExit(
            signal == 0 ? (status >> 8) & 0xff : null,
            signal == 0 ? null : signal,
            TimeValue(usage[ProcessTable.UsageUserTime.Value..]),
            TimeValue(usage[ProcessTable.UsageSystemTime.Value..]));
    }

    private static TimeSpan TimeValue(ReadOnlySpan<byte> value) =>
        TimeSpan.FromSeconds(BinaryPrimitives.ReadInt64LittleEndian(value))
        + TimeSpan.FromMicroseconds(BinaryPrimitives.ReadInt32LittleEndian(value[ProcessTable.TimeMicroseconds.Value..]));

    [LibraryImport("libc", EntryPoint = "wait4", SetLastError = true)]
    private static partial int Wait4(int pid, out int status, int options, ref byte usage);
}
