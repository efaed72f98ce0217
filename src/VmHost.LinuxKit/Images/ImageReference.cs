using System.Text.RegularExpressions;

namespace VmHost.LinuxKit.Images;

/// <summary>An image's full name: <c>docker.io/library/redis:3.0.7-alpine</c>, or with <c>@sha256:…</c>.</summary>
internal sealed partial record ImageReference
{
    internal const string DockerHub = "docker.io";

    private const int MaxLength = 512;

    /// <summary>Host and port of the registry.</summary>
    internal required string Registry { get; init; }

    /// <summary>Such as <c>library/redis</c>.</summary>
    internal required string Repository { get; init; }

    /// <summary>Null where only a digest was given.</summary>
    internal string? Tag { get; init; }

    /// <summary>With <c>sha256:</c>; null where none was given.</summary>
    internal string? Digest { get; init; }

    /// <summary>What a registry is asked for.</summary>
    internal string Version => Digest ?? Tag!;

    /// <summary>By which the store knows it.</summary>
    public override string ToString() =>
        $"{Registry}/{Repository}{(Tag is null ? "" : ":" + Tag)}{(Digest is null ? "" : "@" + Digest)}";

    /// <summary>Expands a name as docker does: <c>redis</c> is <c>docker.io/library/redis:latest</c>.</summary>
    /// <exception cref="LinuxKitException">It is no image's name.</exception>
    internal static ImageReference Parse(string name)
    {
        if (name.Length > MaxLength || Pattern().Match(name) is not { Success: true } match)
            throw new LinuxKitException($"'{(name.Length > MaxLength ? name[..MaxLength] + "…" : name)}' is no image's name; write [REGISTRY/]NAME[:TAG][@sha256:DIGEST] in small letters, such as redis:7 or ghcr.io/me/redis:7");

        var path = match.Groups["path"].Value;
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : path[..slash];
        var hasRegistry = first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal) || first == "localhost";
        var repository = hasRegistry ? path[(slash + 1)..] : slash < 0 ? $"library/{path}" : path;
        var digest = match.Groups["digest"].Success ? match.Groups["digest"].Value : null;
        var tag = match.Groups["tag"].Success ? match.Groups["tag"].Value : digest is null ? "latest" : null;
        if (repository.Any(char.IsAsciiLetterUpper))
            throw new LinuxKitException($"'{name}' is no image's name: '{repository}' has to be in small letters");

        if (hasRegistry && !Uri.TryCreate($"https://{first}/", UriKind.Absolute, out _))
            throw new LinuxKitException($"'{name}' is no image's name: '{first}' is no host with a port");

        return new()
        {
            Registry = hasRegistry && first is not ("index.docker.io" or "registry-1.docker.io") ? first : DockerHub,
            Repository = repository,
            Tag = tag,
            Digest = digest,
        };
    }

    [GeneratedRegex(
        @"\A(?<path>[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*(:[0-9]{1,5}(?=/))?(/[A-Za-z0-9]+([._-]+[A-Za-z0-9]+)*)*)(:(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@(?<digest>sha256:[0-9a-f]{64}))?\z",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Pattern();
}
