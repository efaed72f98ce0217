using VmHost.Posix;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// The right to listen on the socket's path: a lock beside it, which only one daemon has. A socket file that an ended
/// daemon left is removed under that lock, or Kestrel could not bind.
/// </summary>
internal sealed class ListeningSocket : IDisposable
{
    private readonly FileLock _lock;

    private ListeningSocket(FileLock taken) => _lock = taken;

    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.Unavailable"/>: another daemon listens there; <see cref="VmHostError.FailedPrecondition"/>:
    /// the directory cannot be used, or something else stands at the path.
    /// </exception>
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

            return new ListeningSocket(taken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmHostException(VmHostError.FailedPrecondition, $"the socket {path} cannot be made: {e.Message}; choose another {option}");
        }
    }

    public void Dispose() => _lock.Dispose();
}
