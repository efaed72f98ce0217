namespace VmHost.Posix.Tables;

/// <summary>Values of <c>sys/socket.h</c> and <c>sys/un.h</c>. Columns: linux-x64, linux-arm64, osx-x64, osx-arm64.</summary>
internal static class SocketTable
{
    private const long None = SystemValue.None;

    [Header("AF_UNIX", "bsd/sys/socket.h:387")]
    internal static readonly SystemValue UnixFamily = new(1);

    [Header("SOCK_STREAM", "bsd/sys/socket.h:113")]
    internal static readonly SystemValue Stream = new(1);

    [Header("sizeof(struct sockaddr_un)", "bsd/sys/un.h:76")]
    internal static readonly SystemValue AddressSize = new(110, 110, 106, 106);

    // On macOS a byte with the address's length comes first, and the family has one byte.
    [Header("offsetof(struct sockaddr_un, sun_family)", "bsd/sys/un.h:78")]
    internal static readonly SystemValue AddressFamily = new(0, 0, 1, 1);

    [Header("offsetof(struct sockaddr_un, sun_path)", "bsd/sys/un.h:79")]
    internal static readonly SystemValue AddressPath = new(2);

    [Header("SOL_SOCKET")]
    internal static readonly SystemValue SocketLevel = new(1, 1, None, None);

    [Header("SO_PEERCRED")]
    internal static readonly SystemValue SocketPeerCredentials = new(17, 17, None, None);

    [Header("sizeof(struct ucred)")]
    internal static readonly SystemValue UcredSize = new(12, 12, None, None);

    [Header("offsetof(struct ucred, pid)")]
    internal static readonly SystemValue UcredProcess = new(0, 0, None, None);

    [Header("offsetof(struct ucred, uid)")]
    internal static readonly SystemValue UcredUser = new(4, 4, None, None);

    [Header("SOL_LOCAL", "bsd/sys/un.h:85")]
    internal static readonly SystemValue LocalLevel = new(None, None, 0, 0);

    [Header("LOCAL_PEERCRED", "bsd/sys/un.h:88")]
    internal static readonly SystemValue LocalPeerCredentials = new(None, None, 1, 1);

    [Header("sizeof(struct xucred)", "bsd/sys/ucred.h:203")]
    internal static readonly SystemValue XucredSize = new(None, None, 76, 76);

    [Header("offsetof(struct xucred, cr_uid)", "bsd/sys/ucred.h:205")]
    internal static readonly SystemValue XucredUser = new(None, None, 4, 4);
}
