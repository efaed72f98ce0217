using System.Text;

namespace VmHost.Client;

/// <summary>Where a daemon listens: the path of a Unix socket.</summary>
/// <param name="SocketPath">Absolute, at most 103 bytes.</param>
public sealed record VmHostAddress(string SocketPath)
{
    /// <summary>The variable that names the socket where nothing else does.</summary>
    public const string Variable = "VMHOST_SOCKET";

    /// <summary>The longest socket path in UTF-8 bytes: macOS has room for 104 with the end mark, Linux for 108.</summary>
    public const int MaxPathBytes = 103;

    private const string Scheme = "unix://";

    /// <summary>
    /// The address asked for, else that of <c>VMHOST_SOCKET</c>, else <c>vmhost/vmhostd.sock</c> in
    /// <c>XDG_RUNTIME_DIR</c>, else <c>/tmp/vmhost-UID/vmhostd.sock</c>, as the daemon's own default.
    /// </summary>
    /// <param name="asked">A path or <c>unix:///path</c>; null for the default.</param>
    /// <exception cref="DaemonUnreachableException">The path is too long for a socket.</exception>
    public static VmHostAddress Resolve(string? asked)
    {
        var text = asked is { Length: > 0 } ? asked : Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : Default;
        var path = Path.GetFullPath(text.StartsWith(Scheme, StringComparison.Ordinal) ? text[Scheme.Length..] : text);
        var bytes = Encoding.UTF8.GetByteCount(path);
        return bytes <= MaxPathBytes
            ? new VmHostAddress(path)
            : throw new DaemonUnreachableException(UnreachableReason.PathTooLong, path, $"a socket's path has at most {MaxPathBytes} bytes, this one has {bytes}");
    }

    private static string Default =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } run
            ? Path.Combine(run, "vmhost", "vmhostd.sock")
            : FormattableString.Invariant($"/tmp/vmhost-{PeerCredentials.OwnUser}/vmhostd.sock");
}
