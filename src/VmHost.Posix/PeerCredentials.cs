using System.Buffers.Binary;
using System.Net.Sockets;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>The process at the other end of a Unix socket, as the kernel reports it.</summary>
/// <param name="UserId">Effective user id at the time of the connection.</param>
/// <param name="ProcessId">Null on macOS.</param>
#pragma warning disable IDE0040 // Public in VmHost.Posix by Public.cs, internal in VmHost.Client.
readonly partial record struct PeerCredentials(uint UserId, int? ProcessId)
#pragma warning restore IDE0040
{
    /// <summary>Asks the kernel.</summary>
    /// <exception cref="SocketException">The socket is not a connected Unix socket.</exception>
    public static PeerCredentials Of(Socket socket) => OperatingSystem.IsMacOS() ? OnMac(socket) : OnLinux(socket);

    private static PeerCredentials OnLinux(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[SocketTable.UcredSize.Value];
        socket.GetRawSocketOption(SocketTable.SocketLevel.Value, SocketTable.SocketPeerCredentials.Value, credentials);
        return new(
            BinaryPrimitives.ReadUInt32LittleEndian(credentials[SocketTable.UcredUser.Value..]),
            BinaryPrimitives.ReadInt32LittleEndian(credentials[SocketTable.UcredProcess.Value..]));
    }

    private static PeerCredentials OnMac(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[SocketTable.XucredSize.Value];
        socket.GetRawSocketOption(SocketTable.LocalLevel.Value, SocketTable.LocalPeerCredentials.Value, credentials);
        return new(BinaryPrimitives.ReadUInt32LittleEndian(credentials[SocketTable.XucredUser.Value..]), ProcessId: null);
    }
}
