using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Shim;

/// <summary>The socket that the daemon connects to, and the directories above it, which can vanish while the machine runs.</summary>
internal sealed class ControlSocket
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _path;
    private FileIdentity? _file;

    private ControlSocket(string path) => (_path, Listener) = (path, Listen(path, out _file));

    /// <summary>Non-blocking.</summary>
    internal int Listener { get; private set; }

    /// <summary>Listens at a path, in the place of whatever stands there.</summary>
    /// <exception cref="IOException">It cannot be done.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be done.</exception>
    internal static ControlSocket ListenAt(string path) => new(path);

    /// <summary>
    /// Makes the directories and the socket again if the path does not lead to this socket. Where that cannot be done,
    /// everything stays as it is: the daemon finds no socket, reports so, and may ask again.
    /// </summary>
    internal void Recover()
    {
        if (IsOwn)
            return;

        try
        {
            var directory = Path.GetDirectoryName(_path)!;
            MakeDirectories(directory);
            if (!IsOwner(directory) || !IsOwner(Path.GetDirectoryName(directory)!))
                return;   // another user's directory, who could replace the socket

            var listener = Listen(_path, out var file);
            Descriptor.Close(Listener);
            (Listener, _file) = (listener, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // As the summary says. This process has nowhere to report to but that missing socket.
        }
    }

    /// <summary>Removes the socket. The directory may be gone, which is no error: nothing is left behind then.</summary>
    internal void Remove()
    {
        try
        {
            if (IsOwn)
                File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A socket that nothing listens on is replaced by the machine's next boot.
        }
    }

    private bool IsOwn => _file is not null && FileIdentity.At(_path) == _file;

    private static int Listen(string path, out FileIdentity? file)
    {
        File.Delete(path);
        var listener = UnixListener.Listen(path);
        file = FileIdentity.At(path);
        return listener;
    }

    private static void MakeDirectories(string path)
    {
        if (Directory.Exists(path))
            return;

        if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
            MakeDirectories(parent);

        Directory.CreateDirectory(path, OwnerOnly);
    }

    private static bool IsOwner(string path) => FileStatus.TryGet(path, out var status) && status.Owner == User.Id;
}
