using System.Text;
using VmHost.Posix;

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
    /// <exception cref="FormatException">It is empty, or names something else than a Unix socket.</exception>
    public static VmHostAddress Resolve(string? asked)
    {
        var text = asked ?? (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : Default);
        var path = PathOf(text);
        var bytes = Encoding.UTF8.GetByteCount(path);
        return bytes <= MaxPathBytes
            ? new VmHostAddress(path)
            : throw new DaemonUnreachableException(UnreachableReason.PathTooLong, path, $"a socket's path has at most {MaxPathBytes} bytes, this one has {bytes}");
    }

    // A relative XDG_RUNTIME_DIR is to be ignored, as its specification says.
    private static string Default =>
        Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { } run && Path.IsPathFullyQualified(run)
            ? Path.Combine(run, "vmhost", "vmhostd.sock")
            : FormattableString.Invariant($"/tmp/vmhost-{User.Id}/vmhostd.sock");

    private static string PathOf(string text)
    {
        var path = text.StartsWith(Scheme, StringComparison.Ordinal) ? text[Scheme.Length..] : text;
        if (path.Length == 0)
            throw new FormatException("it is empty; give the path of a socket");

        // As a path it would be looked for as a file, and the message would lead astray.
        if (path.Contains("://", StringComparison.Ordinal))
            throw new FormatException($"'{text}' is no Unix socket; give unix:///path or a path");

        return Path.GetFullPath(path);
    }
}
