using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using Grpc.Net.Client;
using VmHost.Posix;

namespace VmHost.Client;

/// <summary>Opens gRPC channels to a daemon's Unix socket.</summary>
public static class VmHostChannel
{

    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A channel, connected with the first call. Calls on it fail with an RpcException in which
    /// <see cref="DaemonUnreachableException.Find"/> finds what is in the way, if no daemon can be talked to.
    /// </summary>
    /// <param name="address">Where the daemon listens.</param>
    public static GrpcChannel Open(VmHostAddress address)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectTimeout = ConnectLimit,
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            EnableMultipleHttp2Connections = true,
            ConnectCallback = (_, ct) => ConnectAsync(address.SocketPath, ct),
        };

        // The name is for the HTTP header only; the callback knows where to connect.
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "The stream that is returned owns the socket; every other way out disposes it.")]
    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken ct)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            RefuseForeigner(socket, path);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new DaemonUnreachableException(ReasonOf(e), path, e.Message);
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            throw new DaemonUnreachableException(UnreachableReason.TimedOut, path, $"it did not take the connection within {ConnectLimit.TotalSeconds:0} s");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // Whoever made the socket could read kernels' command lines and lie about machines.
    private static void RefuseForeigner(Socket socket, string path)
    {
        var user = PeerCredentials.Of(socket).UserId;
        if (user != User.Root && user != User.Id)
            throw new DaemonUnreachableException(UnreachableReason.ForeignServer, path, $"it is user {user}'s, neither this user's nor root's");
    }

    // .NET tells a missing file as AddressNotAvailable, and ENOTDIR (a file where a directory should be) not at all.
    private static UnreachableReason ReasonOf(SocketException e) =>
        e switch
        {
            { SocketErrorCode: SocketError.AddressNotAvailable } or { NativeErrorCode: Errno.NotDirectory } => UnreachableReason.NoSocketFile,
            { SocketErrorCode: SocketError.ConnectionRefused } => UnreachableReason.Refused,
            { SocketErrorCode: SocketError.AccessDenied } => UnreachableReason.PermissionDenied,

            // A listener whose queue is full does not take connections: it hangs or is stopped.
            { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock or SocketError.TryAgain } => UnreachableReason.TimedOut,
            _ => UnreachableReason.Other,
        };
}
