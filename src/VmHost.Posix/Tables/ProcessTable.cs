namespace VmHost.Posix.Tables;

/// <summary>
/// Values of <c>spawn.h</c>, <c>sys/wait.h</c>, <c>sys/resource.h</c>, <c>sys/syscall.h</c>, and macOS's <c>proc_info.h</c>.
/// Columns: linux-x64, linux-arm64, osx-x64, osx-arm64.
/// </summary>
internal static class ProcessTable
{
    private const long None = SystemValue.None;

    [Header("POSIX_SPAWN_SETSIGDEF", "bsd/sys/spawn.h:47")]
    internal static readonly SystemValue SpawnResetSignals = new(4);

    [Header("POSIX_SPAWN_SETSIGMASK", "bsd/sys/spawn.h:48")]
    internal static readonly SystemValue SpawnSetSignalMask = new(8);

    [Header("POSIX_SPAWN_SETSID", "bsd/sys/spawn.h:65")]
    internal static readonly SystemValue SpawnNewSession = new(0x80, 0x80, 0x400, 0x400);

    [Header("POSIX_SPAWN_CLOEXEC_DEFAULT", "bsd/sys/spawn.h:73")]
    internal static readonly SystemValue SpawnCloseOnExecByDefault = new(None, None, 0x4000, 0x4000);

    [Header("sizeof(posix_spawnattr_t)", "libsyscall/wrappers/spawn/spawn.h:51")]
    internal static readonly SystemValue SpawnAttributesSize = new(336, 336, 8, 8);

    [Header("sizeof(posix_spawn_file_actions_t)", "libsyscall/wrappers/spawn/spawn.h:52")]
    internal static readonly SystemValue SpawnActionsSize = new(80, 80, 8, 8);

    [Header("WNOHANG", "bsd/sys/wait.h:121")]
    internal static readonly SystemValue WaitNoHang = new(1);

    [Header("P_PID", "bsd/sys/wait.h:81")]
    internal static readonly SystemValue WaitForProcessId = new(1);

    [Header("WEXITED", "bsd/sys/wait.h:168")]
    internal static readonly SystemValue WaitExited = new(4);

    [Header("WNOWAIT", "bsd/sys/wait.h:174")]
    internal static readonly SystemValue WaitLeaveWaitable = new(0x1000000, 0x1000000, 0x20, 0x20);

    [Header("sizeof(siginfo_t)", "bsd/sys/signal.h:230")]
    internal static readonly SystemValue SignalInfoSize = new(128, 128, 104, 104);

    [Header("sizeof(struct rusage)", "bsd/sys/resource.h:158")]
    internal static readonly SystemValue UsageSize = new(144);

    [Header("offsetof(struct rusage, ru_utime)", "bsd/sys/resource.h:159")]
    internal static readonly SystemValue UsageUserTime = new(0);

    [Header("offsetof(struct rusage, ru_stime)", "bsd/sys/resource.h:160")]
    internal static readonly SystemValue UsageSystemTime = new(16);

    // tv_usec has 8 bytes on Linux and 4 on macOS. The first 4 hold the value on both: all platforms are little-endian.
    [Header("offsetof(struct timeval, tv_usec)", "bsd/sys/_types/_timeval.h:37")]
    internal static readonly SystemValue TimeMicroseconds = new(8);

    [Header("RLIMIT_NOFILE", "bsd/sys/resource.h:515")]
    internal static readonly SystemValue LimitOpenFiles = new(7, 7, 8, 8);

    [Header("sizeof(struct rlimit)", "bsd/sys/resource.h:525")]
    internal static readonly SystemValue LimitSize = new(16);

    [Header("offsetof(struct rlimit, rlim_cur)", "bsd/sys/resource.h:526")]
    internal static readonly SystemValue LimitCurrent = new(0);

    [Header("SYS_pidfd_open")]
    internal static readonly SystemValue CallPidDescriptorOpen = new(434, 434, None, None);

    [Header("SYS_pidfd_send_signal")]
    internal static readonly SystemValue CallPidDescriptorSendSignal = new(424, 424, None, None);

    [Header("PROC_PIDTBSDINFO", "bsd/sys/proc_info.h:724")]
    internal static readonly SystemValue BsdInfo = new(None, None, 3, 3);

    [Header("sizeof(struct proc_bsdinfo)", "bsd/sys/proc_info.h:59")]
    internal static readonly SystemValue BsdInfoSize = new(None, None, 136, 136);

    [Header("offsetof(struct proc_bsdinfo, pbi_start_tvsec)", "bsd/sys/proc_info.h:80")]
    internal static readonly SystemValue BsdInfoStartSeconds = new(None, None, 120, 120);

    [Header("offsetof(struct proc_bsdinfo, pbi_start_tvusec)", "bsd/sys/proc_info.h:81")]
    internal static readonly SystemValue BsdInfoStartMicroseconds = new(None, None, 128, 128);
}
