namespace VmHost.Posix.Tables;

/// <summary>Values of <c>poll.h</c>. Columns: linux-x64, linux-arm64, osx-x64, osx-arm64.</summary>
internal static class PollTable
{
    [Header("POLLIN", "bsd/sys/poll.h:68")]
    internal static readonly SystemValue Readable = new((long)PollEvents.Readable);

    [Header("POLLOUT", "bsd/sys/poll.h:70")]
    internal static readonly SystemValue Writable = new((long)PollEvents.Writable);

    [Header("POLLERR", "bsd/sys/poll.h:89")]
    internal static readonly SystemValue Error = new((long)PollEvents.Error);

    [Header("POLLHUP", "bsd/sys/poll.h:90")]
    internal static readonly SystemValue HungUp = new((long)PollEvents.HungUp);

    [Header("sizeof(struct pollfd)", "bsd/sys/poll.h:96")]
    internal static readonly SystemValue EntrySize = new(8);

    [Header("offsetof(struct pollfd, fd)", "bsd/sys/poll.h:97")]
    internal static readonly SystemValue EntryDescriptor = new(0);

    [Header("offsetof(struct pollfd, events)", "bsd/sys/poll.h:98")]
    internal static readonly SystemValue EntryWanted = new(4);

    [Header("offsetof(struct pollfd, revents)", "bsd/sys/poll.h:99")]
    internal static readonly SystemValue EntryReady = new(6);
}
