using System.Buffers.Binary;
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
    // SOL_SOCKET/SO_PEERCRED: struct ucred { pid, uid, gid }.
    private const int LinuxLevel = 1;
    private const int LinuxOption = 17;
    private const int LinuxSize = 12;

    // SOL_LOCAL/LOCAL_PEERCRED: struct xucred { version, uid, … }. Never run: no Mac at hand.
    private const int MacLevel = 0;
    private const int MacOption = 1;
    private const int MacSize = 76;

    // Both structures have the uid as their second word.
    private const int UidOffset = 4;

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

        (var uid, process) = Of(socket);
        if (uid == User.Id || uid == User.Root)
            return true;

        LogRefused(uid);
        return false;
    }

    private static (uint Uid, string Process) Of(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[MacSize];
        if (OperatingSystem.IsMacOS())
            socket.GetRawSocketOption(MacLevel, MacOption, credentials);
        else
            socket.GetRawSocketOption(LinuxLevel, LinuxOption, credentials[..LinuxSize]);

        // macOS tells no number.
        var process = OperatingSystem.IsMacOS() ? "a client" : string.Create(CultureInfo.InvariantCulture, $"process {BinaryPrimitives.ReadInt32LittleEndian(credentials)}");
        return (BinaryPrimitives.ReadUInt32LittleEndian(credentials[UidOffset..]), process);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection of user {Uid} was refused.")]
    private partial void LogRefused(uint uid);
}
