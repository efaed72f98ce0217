using System.Globalization;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using VmHost.Posix;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// Decides who is served, by what the kernel says of the peer: the daemon's own user and root. The socket's directory is private
/// already; this holds also where a path is shared by mistake. A refused peer is connected for a few seconds, in which each of its
/// calls is answered by the reason (<see cref="PeerRefusal"/>).
/// </summary>
internal sealed partial class PeerCheck(TimeProvider time, ILogger<PeerCheck> logger)
{
    // Refused peers must not take the slots of other clients: at most this many at a time get the reason, each within one call's time.
    private const int MaxRefused = 8;

    private static readonly TimeSpan RefusedLimit = TimeSpan.FromSeconds(5);

    // A peer that connects in a loop must not fill the log.
    private readonly LogLimit _log = new(TimeSpan.FromSeconds(1), time);
    private int _refused;

    internal static Func<ConnectionDelegate, ConnectionDelegate> Middleware(TimeProvider time, ILogger<PeerCheck> logger)
    {
        var check = new PeerCheck(time, logger);
        return next => connection => check.ServeAsync(connection, next);
    }

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { AddressFamily: AddressFamily.Unix } socket)
        {
            connection.Abort();
            return;
        }

        var peer = PeerCredentials.Of(socket);
        ConnectionEnds.Name(connection, peer.ProcessId is { } id ? string.Create(CultureInfo.InvariantCulture, $"process {id}") : "a client");
        if (peer.UserId == User.Id || peer.UserId == User.Root)
        {
            await next(connection);
            return;
        }

        if (_log.TryTake(out var omitted))
            LogRefused(peer.UserId, omitted);

        try
        {
            if (Interlocked.Increment(ref _refused) <= MaxRefused)
                await RefuseAsync(connection, peer.UserId, next);
            else
                connection.Abort();
        }
        finally
        {
            Interlocked.Decrement(ref _refused);
        }
    }

    private async Task RefuseAsync(ConnectionContext connection, uint user, ConnectionDelegate next)
    {
        connection.Features.Set(new PeerRefusal(string.Create(
            CultureInfo.InvariantCulture, $"permission denied for user {user}: this vmhostd serves only its own user ({User.Id}) and root; run the client as that user, or start your own daemon with: vmhostd")));
        using var limit = new CancellationTokenSource(RefusedLimit, time);
        await using (limit.Token.Register(connection.Abort))
            await next(connection);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection of user {Uid} was refused; {Omitted} more since the last such message.")]
    private partial void LogRefused(uint uid, int omitted);
}
