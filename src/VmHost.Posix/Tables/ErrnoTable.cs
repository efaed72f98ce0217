namespace VmHost.Posix.Tables;

/// <summary>Values of <c>errno.h</c>. Columns: linux-x64, linux-arm64, osx-x64, osx-arm64.</summary>
internal static class ErrnoTable
{
    [Header("EPERM", "bsd/sys/errno.h:90")]
    internal static readonly SystemValue NotPermitted = new(Errno.NotPermitted);

    [Header("ENOENT", "bsd/sys/errno.h:91")]
    internal static readonly SystemValue NoEntry = new(Errno.NoEntry);

    [Header("ESRCH", "bsd/sys/errno.h:92")]
    internal static readonly SystemValue NoProcess = new(Errno.NoProcess);

    [Header("EINTR", "bsd/sys/errno.h:93")]
    internal static readonly SystemValue Interrupted = new(Errno.Interrupted);

    [Header("EIO", "bsd/sys/errno.h:94")]
    internal static readonly SystemValue InputOutput = new(Errno.InputOutput);

    [Header("ECHILD", "bsd/sys/errno.h:99")]
    internal static readonly SystemValue NoChild = new(Errno.NoChild);

    [Header("EACCES", "bsd/sys/errno.h:103")]
    internal static readonly SystemValue AccessDenied = new(Errno.AccessDenied);

    [Header("EBUSY", "bsd/sys/errno.h:108")]
    internal static readonly SystemValue Busy = new(Errno.Busy);

    [Header("EEXIST", "bsd/sys/errno.h:109")]
    internal static readonly SystemValue Exists = new(Errno.Exists);

    [Header("ENOTDIR", "bsd/sys/errno.h:112")]
    internal static readonly SystemValue NotDirectory = new(Errno.NotDirectory);

    [Header("EINVAL", "bsd/sys/errno.h:114")]
    internal static readonly SystemValue Invalid = new(Errno.Invalid);

    [Header("ENOSPC", "bsd/sys/errno.h:120")]
    internal static readonly SystemValue NoSpace = new(Errno.NoSpace);

    [Header("EROFS", "bsd/sys/errno.h:122")]
    internal static readonly SystemValue ReadOnlyFileSystem = new(Errno.ReadOnlyFileSystem);

    [Header("EPIPE", "bsd/sys/errno.h:124")]
    internal static readonly SystemValue BrokenPipe = new(Errno.BrokenPipe);

    [Header("ENOTSUP", "bsd/sys/errno.h:146")]
    internal static readonly SystemValue NotSupported = new(95, 95, 45, 45);

    [Header("EWOULDBLOCK", "bsd/sys/errno.h:132")]
    internal static readonly SystemValue WouldBlock = new(11, 11, 35, 35);

    [Header("ELOOP", "bsd/sys/errno.h:182")]
    internal static readonly SystemValue LinkLoop = new(40, 40, 62, 62);

    [Header("ENAMETOOLONG", "bsd/sys/errno.h:183")]
    internal static readonly SystemValue NameTooLong = new(36, 36, 63, 63);
}
