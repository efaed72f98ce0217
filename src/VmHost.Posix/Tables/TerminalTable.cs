namespace VmHost.Posix.Tables;

/// <summary>Values of <c>termios.h</c> and <c>sys/ioctl.h</c>. Columns: linux-x64, linux-arm64, osx-x64, osx-arm64.</summary>
internal static class TerminalTable
{
    // _IOR('t', 104, struct winsize): 0x40000000 | size << 16 | 't' << 8 | 104, by bsd/sys/ioccom.h:91.
    [Header("TIOCGWINSZ", "bsd/sys/ttycom.h:153")]
    internal static readonly SystemValue GetWindowSize = new(0x5413, 0x5413, 0x40087468, 0x40087468);

    // _IOW('t', 103, struct winsize): 0x80000000 instead.
    [Header("TIOCSWINSZ", "bsd/sys/ttycom.h:154")]
    internal static readonly SystemValue SetWindowSize = new(0x5414, 0x5414, 0x80087467, 0x80087467);

    // _IO('t', 97): 0x20000000 instead, and no size.
    [Header("TIOCSCTTY", "bsd/sys/ttycom.h:160")]
    internal static readonly SystemValue SetControllingTerminal = new(0x540E, 0x540E, 0x20007461, 0x20007461);

    [Header("sizeof(struct winsize)", "bsd/sys/ttycom.h:82")]
    internal static readonly SystemValue WindowSizeSize = new(8);

    [Header("offsetof(struct winsize, ws_row)", "bsd/sys/ttycom.h:83")]
    internal static readonly SystemValue WindowSizeRows = new(0);

    [Header("offsetof(struct winsize, ws_col)", "bsd/sys/ttycom.h:84")]
    internal static readonly SystemValue WindowSizeColumns = new(2);

    [Header("TCSANOW", "bsd/sys/termios.h:313")]
    internal static readonly SystemValue SetNow = new(0);

    [Header("TCSAFLUSH", "bsd/sys/termios.h:315")]
    internal static readonly SystemValue SetAndFlush = new(2);

    [Header("sizeof(struct termios)", "bsd/sys/termios.h:267")]
    internal static readonly SystemValue SettingsSize = new(60, 60, 72, 72);

    [Header("offsetof(struct termios, c_oflag)", "bsd/sys/termios.h:269")]
    internal static readonly SystemValue OutputFlags = new(4, 4, 8, 8);

    [Header("sizeof(tcflag_t)", "bsd/sys/termios.h:263")]
    internal static readonly SystemValue FlagsSize = new(4, 4, 8, 8);
}
