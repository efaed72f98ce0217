namespace VmHost.LinuxKit.Registries;

/// <summary>Other places to ask instead of a registry: <c>docker.io=http://127.0.0.1:5000</c>, or an address alone for all.</summary>
internal sealed class Mirrors
{
    private readonly Dictionary<string, Uri> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private Uri? _all;

    /// <exception cref="LinuxKitException">One is no mirror.</exception>
    internal static Mirrors Parse(IEnumerable<string> texts)
    {
        var mirrors = new Mirrors();
        foreach (var text in texts)
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var address = text[(equals + 1)..];
            if (!address.Contains("://", StringComparison.Ordinal))
                address = "https://" + address;
            if (text.LastIndexOf('@') is >= 0 and var at)
                throw new LinuxKitException($"--mirror …{text[at..]}: write it without user and password, which others would see; log in with: docker login {text[(at + 1)..].TrimEnd('/')}");
            if (equals == 0 || !Uri.TryCreate(address.TrimEnd('/') + "/", UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
                throw new LinuxKitException($"--mirror {text}: write REGISTRY=http://HOST:PORT, such as docker.io=http://127.0.0.1:5000");
            RefuseOpenPlain(uri, $"--mirror {text}");
            if (equals < 0)
                mirrors._all = uri;
            else
                mirrors._hosts[text[..equals] is "index.docker.io" ? Images.ImageReference.DockerHub : text[..equals]] = uri;
        }

        return mirrors;
    }

    /// <summary>Where a registry's API begins, with a slash behind it.</summary>
    internal Uri AddressOf(string registry)
    {
        if (_hosts.TryGetValue(registry, out var mirror) || (mirror = _all) is not null)
            return mirror;

        var host = registry == Images.ImageReference.DockerHub ? "registry-1.docker.io" : registry;
        var secure = new Uri($"https://{host}/");
        return secure.IsLoopback ? new Uri($"http://{host}/") : secure;
    }

    // What comes over plain http can be changed on the way, and so can the digest that would show it.
    private static void RefuseOpenPlain(Uri uri, string what)
    {
        if (uri.Scheme == "http" && !uri.IsLoopback)
            throw new LinuxKitException($"{what}: plain http is for this host only (127.0.0.1, localhost); use https");
    }
}
