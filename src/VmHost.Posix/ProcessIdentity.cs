using System.Globalization;
using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>
/// Names a process for good: its number may be given to another one, number and start time together are not, within
/// one boot of the host.
/// </summary>
public static partial class ProcessIdentity
{
    private static string? _hostBootId;

    /// <summary>This boot of the host; another value after a reboot.</summary>
    /// <exception cref="IOException">It cannot be read now, and never was.</exception>
    // No initialiser, which would fail for ever once it failed.
    public static string HostBootId => _hostBootId ??= ReadHostBootId();

    /// <summary>When the process started, in a unit of this system that only equality is asked of; null if none runs.</summary>
    /// <exception cref="IOException">It cannot be found out, for example as no file can be opened.</exception>
    public static long? StartTime(int pid) => OperatingSystem.IsMacOS() ? StartTimeOnMac(pid) : StartTimeOnLinux(pid);

    /// <summary>
    /// Signals the process only if it is the one that started at <paramref name="startTime"/>; false if it is not.
    /// On Linux the process is held by a descriptor meanwhile, so its number cannot pass to another one in between.
    /// </summary>
    /// <exception cref="IOException">It may not be signalled, or it cannot be found out when it started.</exception>
    public static bool SignalIfSame(int pid, long startTime, int signal)
    {
        if (StartTime(pid) != startTime)
            return false;

        if (OperatingSystem.IsMacOS())
            return Signals.Send(pid, signal);

        var descriptor = (int)SystemCall(ProcessTable.CallPidDescriptorOpen.Value, pid, 0, 0, 0);
        if (descriptor < 0)
            return Descriptor.LastError == Errno.NoProcess ? false : throw PosixException.Last($"pidfd_open {pid}");

        try
        {
            if (StartTime(pid) != startTime)
                return false;

            if (SystemCall(ProcessTable.CallPidDescriptorSendSignal.Value, descriptor, signal, 0, 0) == 0)
                return true;

            return Descriptor.LastError == Errno.NoProcess ? false : throw PosixException.Last($"pidfd_send_signal {pid}");
        }
        finally
        {
            Descriptor.Close(descriptor);
        }
    }

    private static string ReadHostBootId()
    {
        if (!OperatingSystem.IsMacOS())
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

        Span<byte> value = stackalloc byte[64];
        var length = (nuint)value.Length;
        if (SystemControlByName("kern.bootsessionuuid", ref MemoryMarshal.GetReference(value), ref length, 0, 0) != 0)
            throw PosixException.Last("sysctl kern.bootsessionuuid");

        return System.Text.Encoding.ASCII.GetString(value[..(int)length]).TrimEnd('\0');
    }

    private static long? StartTimeOnLinux(int pid)
    {
        string stat;
        try
        {
            stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
        }
        catch (IOException e) when (e is FileNotFoundException or DirectoryNotFoundException || e.HResult == Errno.NoProcess)
        {
            return null;   // it ended, before or while its file was read
        }

        // The second field is the program's name in brackets, which may hold brackets, spaces and line breaks itself:
        // count from the last bracket. Field 3 is the state, field 22 the start time.
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
    }

    private static long? StartTimeOnMac(int pid)
    {
        Span<byte> info = stackalloc byte[ProcessTable.BsdInfoSize.Value];
        var count = ProcessInfo(pid, ProcessTable.BsdInfo.Value, 0, ref MemoryMarshal.GetReference(info), info.Length);
        return count < info.Length
            ? null
            : (BitConverter.ToInt64(info[ProcessTable.BsdInfoStartSeconds.Value..]) * 1_000_000) + BitConverter.ToInt64(info[ProcessTable.BsdInfoStartMicroseconds.Value..]);
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint first, nint second, nint third, nint fourth);

    [LibraryImport("libc", EntryPoint = "sysctlbyname", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SystemControlByName(string name, ref byte value, ref nuint length, nint set, nuint setLength);

    [LibraryImport("libc", EntryPoint = "proc_pidinfo", SetLastError = true)]
    private static partial int ProcessInfo(int pid, int flavor, ulong argument, ref byte buffer, int size);
}
