using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace VmHost.Client;

/// <summary>Who is at the other end of a Unix socket, by what the kernel says.</summary>
internal static partial class PeerCredentials
{
    // SOL_SOCKET/SO_PEERCRED: struct ucred { pid, uid, gid }.
    private const int LinuxSize = 12;

    // SOL_LOCAL/LOCAL_PEERCRED: struct xucred { version, uid, … }. Never run: no Mac at hand.
    private const int MacSize = 76;

    // Both structures have the uid as their second word.
    private const int UidOffset = 4;

    internal static uint OwnUser => EffectiveUser();

    internal static uint UserOf(Socket socket)
    {
        Span<byte> credentials = stackalloc byte[MacSize];
        if (OperatingSystem.IsMacOS())
            socket.GetRawSocketOption(0, 1, credentials);
        else
            socket.GetRawSocketOption(1, 17, credentials[..LinuxSize]);

        return BinaryPrimitives.ReadUInt32LittleEndian(credentials[UidOffset..]);
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();
}
