namespace VmHost.Client;

/// <summary>What stands between a client and the daemon.</summary>
public enum UnreachableReason
{
    /// <summary>It cannot be told more exactly.</summary>
    Other,

    /// <summary>There is no socket file: no daemon was started with it, or it ended properly.</summary>
    NoSocketFile,

    /// <summary>There is a socket file and nobody listens: the daemon was killed.</summary>
    Refused,

    /// <summary>This user may not reach the socket, or the daemon does not serve it.</summary>
    PermissionDenied,

    /// <summary>It does not answer in time.</summary>
    TimedOut,

    /// <summary>The path is too long for a socket.</summary>
    PathTooLong,

    /// <summary>Who listens there is another user's process, and not root's.</summary>
    ForeignServer,
}

/// <summary>No daemon could be talked to.</summary>
/// <param name="reason">What is in the way.</param>
/// <param name="socketPath">The socket's path.</param>
/// <param name="detail">In the system's words.</param>
public sealed class DaemonUnreachableException(UnreachableReason reason, string socketPath, string detail)
    : Exception($"no daemon at {socketPath}: {detail}")
{
    /// <summary>What is in the way.</summary>
    public UnreachableReason Reason { get; } = reason;

    /// <summary>The socket's path.</summary>
    public string SocketPath { get; } = socketPath;

    /// <summary>In the system's words.</summary>
    public string Detail { get; } = detail;

    /// <summary>The one somewhere inside <paramref name="e"/>: gRPC and HTTP wrap it.</summary>
    public static DaemonUnreachableException? Find(Exception? e)
    {
        for (; e is not null; e = e.InnerException ?? (e as Grpc.Core.RpcException)?.Status.DebugException)
        {
            if (e is DaemonUnreachableException found)
                return found;
        }

        return null;
    }
}
