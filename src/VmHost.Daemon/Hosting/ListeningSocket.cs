using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using VmHost.Posix;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// The socket for clients and the right to listen at its path: a lock next to it, which only one daemon has. A socket file
/// that an ended daemon left is removed under that lock, or binding would fail.
/// </summary>
internal sealed class ListeningSocket : IDisposable
{
    // All but rw-------.
    private const UnixFileMode Withheld = (UnixFileMode)0x7F;

    private readonly FileLock _lock;
    private readonly Socket _socket;

    private ListeningSocket(FileLock taken, Socket socket) => (_lock, _socket) = (taken, socket);

    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.Unavailable"/>: another daemon listens there; <see cref="VmHostError.FailedPrecondition"/>:
    /// the directory cannot be used, or something else stands at the path.
    /// </exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "Owned by what is returned.")]
    internal static ListeningSocket Take(DaemonOptions options, TimeProvider time)
    {
        PrivateDirectory.Ensure(options.RunDir, "--run-dir");
        var path = options.SocketPath;
        var option = options.Socket.Length > 0 ? "--socket" : "--run-dir";
        PrivateDirectory.Ensure(Path.GetDirectoryName(path)!, option);

        try
        {
            var lockPath = path + ".lock";
            var taken = FileLock.TryTake(lockPath)
                ?? throw new VmHostException(VmHostError.Unavailable, $"the socket {path} is held by {LockNote.HolderOf(lockPath)}; stop that one first or choose another {option}");
            taken.Note(LockNote.Of(time));

            if (FileStatus.TryGet(path, out var status))
            {
                if (status.Type != FileType.Socket)
                    throw new VmHostException(VmHostError.FailedPrecondition, $"{path} is there and is no socket; remove it or choose another {option}");

                File.Delete(path);
            }

            return new ListeningSocket(taken, Bind(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException)
        {
            throw new VmHostException(VmHostError.FailedPrecondition, $"the socket {path} cannot be made: {e.Message}; choose another {option}");
        }
    }

    /// <summary>For Kestrel, which listens on it and closes it.</summary>
    internal Socket ToListen(EndPoint endpoint) =>
        endpoint is UnixDomainSocketEndPoint ? _socket : throw new NotSupportedException($"vmhostd listens at no {endpoint}");

    public void Dispose()
    {
        _socket.Dispose();
        _lock.Dispose();
    }

    // Bound with its final mode: a chmod afterwards would leave a moment in which others may connect. The daemon has just
    // begun, and no other thread makes files yet.
    [SuppressMessage("Reliability", "CA2000", Justification = "Owned by the caller, and disposed where it could not be bound.")]
    private static Socket Bind(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            using var mask = new CreationMask(Withheld);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
