using System.Globalization;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using VmHost.Posix;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// Lets in the daemon's own user and root, by what the kernel says of the peer, before a byte of it is read as HTTP.
/// The socket's directory is private already; this holds also where a path is shared by mistake.
/// </summary>
internal sealed partial class PeerCheck(ILogger<PeerCheck> logger)
{
    internal static Func<ConnectionDelegate, ConnectionDelegate> Middleware(ILogger<PeerCheck> logger)
    {
        var check = new PeerCheck(logger);
        return next => connection =>
        {
            if (!check.Allows(connection, out var process))
            {
                connection.Abort();
                return Task.CompletedTask;
            }

            ConnectionEnds.Name(connection, process);
            return next(connection);
        };
    }

    private bool Allows(ConnectionContext connection, out string process)
    {
        process = "";
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { AddressFamily: AddressFamily.Unix } socket)
            return false;

        var peer = PeerCredentials.Of(socket);
        process = peer.ProcessId is { } id ? string.Create(CultureInfo.InvariantCulture, $"process {id}") : "a client";
        if (peer.UserId == User.Id || peer.UserId == User.Root)
            return true;

        LogRefused(peer.UserId);
        return false;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection of user {Uid} was refused.")]
    private partial void LogRefused(uint uid);
}
