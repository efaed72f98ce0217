namespace VmHost.Posix.Tables;

/// <summary>Values of <c>signal.h</c>. Columns: linux-x64, linux-arm64, osx-x64, osx-arm64.</summary>
internal static class SignalTable
{
    [Header("SIGHUP", "bsd/sys/signal.h:84")]
    internal static readonly SystemValue Hangup = new(Signals.Hangup);

    [Header("SIGINT", "bsd/sys/signal.h:85")]
    internal static readonly SystemValue Interrupt = new(Signals.Interrupt);

    [Header("SIGKILL", "bsd/sys/signal.h:97")]
    internal static readonly SystemValue Kill = new(Signals.Kill);

    [Header("SIGPIPE", "bsd/sys/signal.h:101")]
    internal static readonly SystemValue Pipe = new(Signals.Pipe);

    [Header("SIGALRM", "bsd/sys/signal.h:102")]
    internal static readonly SystemValue Alarm = new(Signals.Alarm);

    [Header("SIGTERM", "bsd/sys/signal.h:103")]
    internal static readonly SystemValue Terminate = new(Signals.Terminate);

    [Header("SIGXCPU", "bsd/sys/signal.h:114")]
    internal static readonly SystemValue ProcessorTimeLimit = new(Signals.ProcessorTimeLimit);

    [Header("SIGVTALRM", "bsd/sys/signal.h:116")]
    internal static readonly SystemValue VirtualAlarm = new(Signals.VirtualAlarm);

    [Header("SIGSTOP", "bsd/sys/signal.h:105")]
    internal static readonly SystemValue Stop = new(19, 19, 17, 17);

    [Header("SIGUSR1", "bsd/sys/signal.h:122")]
    internal static readonly SystemValue User1 = new(10, 10, 30, 30);

    [Header("SIGUSR2", "bsd/sys/signal.h:123")]
    internal static readonly SystemValue User2 = new(12, 12, 31, 31);

    [Header("(long)SIG_DFL", "bsd/sys/signal.h:131")]
    internal static readonly SystemValue Default = new(Signals.Default);

    [Header("(long)SIG_IGN", "bsd/sys/signal.h:132")]
    internal static readonly SystemValue Ignored = new(Signals.Ignored);

    [Header("SIG_BLOCK", "bsd/sys/signal.h:488")]
    internal static readonly SystemValue Block = new(0, 0, 1, 1);

    [Header("sizeof(sigset_t)", "bsd/sys/_types.h:96")]
    internal static readonly SystemValue SetSize = new(128, 128, 4, 4);
}
