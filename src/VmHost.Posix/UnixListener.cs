using System.Runtime.InteropServices;
using System.Text;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>A listening Unix stream socket, without the weight of .NET's sockets in a process that must stay small.</summary>
public static partial class UnixListener
{
    /// <summary>The longest socket path in UTF-8 bytes: macOS has room for 104 with the end mark, Linux for 108.</summary>
    public const int MaxPathBytes = 103;

    /// <summary>Binds and listens; the caller owns the path.</summary>
    /// <exception cref="PosixException">The call failed, or the path is too long.</exception>
    public static int Listen(string path)
    {
        var name = Encoding.UTF8.GetBytes(path);
        if (name.Length > MaxPathBytes)
            throw new PosixException($"bind {path}", Errno.Invalid);

        Span<byte> address = stackalloc byte[SocketTable.AddressSize.Value];
        address.Clear();
        var pathOffset = SocketTable.AddressPath.Value;
        address[SocketTable.AddressFamily.Value] = (byte)SocketTable.UnixFamily.Value;
        name.CopyTo(address[pathOffset..]);

        var opened = MakeSocket(SocketTable.UnixFamily.Value, SocketTable.Stream.Value, 0);
        if (opened < 0)
            throw PosixException.Last("socket");

        var socket = Descriptor.DuplicateAbove(opened, 10);
        Descriptor.Close(opened);
        if (Bind(socket, ref MemoryMarshal.GetReference(address), (uint)(pathOffset + name.Length + 1)) != 0 || Listen(socket, 16) != 0)
        {
            var error = Descriptor.LastError;
            Descriptor.Close(socket);
            throw new PosixException($"bind {path}", error);
        }

        Descriptor.SetNonBlocking(socket);
        return socket;
    }

    /// <summary>The next connection, non-blocking and close-on-exec; -1 when there is none.</summary>
    public static int Accept(int listener)
    {
        var opened = Accept(listener, 0, 0);
        if (opened < 0)
            return -1;

        var connection = Descriptor.DuplicateAbove(opened, 10);
        Descriptor.Close(opened);
        Descriptor.SetNonBlocking(connection);
        return connection;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int MakeSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int socket, ref byte address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(int socket, int backlog);

    [LibraryImport("libc", EntryPoint = "accept", SetLastError = true)]
    private static partial int Accept(int listener, nint address, nint length);
}
