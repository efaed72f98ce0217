using System.Text;
using System.Text.Json;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Registries;

/// <summary>What a login consists of.</summary>
internal enum LoginKind
{
    /// <summary>User and password.</summary>
    Password,

    /// <summary>To be traded for a token of the registry.</summary>
    IdentityToken,

    /// <summary>To be shown to the registry as it is.</summary>
    RegistryToken,
}

/// <param name="Kind">Of the secret.</param>
/// <param name="User">Of a password.</param>
/// <param name="Secret">Never shown or logged.</param>
internal sealed record Login(LoginKind Kind, string User, string Secret)
{
    public override string ToString() => "(a login)";
}

/// <summary>What <c>docker login</c> left: <c>~/.docker/config.json</c> and the helpers that it names.</summary>
internal sealed class Credentials
{
    private const string DockerHubKey = "https://index.docker.io/v1/";

    private readonly string? _file;

    /// <param name="file">Null: none.</param>
    internal Credentials(string? file) => _file = file;

    /// <summary>The first of the places where docker, podman and skopeo keep them.</summary>
    internal static Credentials OfUser()
    {
        string?[] places =
        [
            In(Environment.GetEnvironmentVariable("DOCKER_CONFIG"), "config.json"),
            In(Environment.GetEnvironmentVariable("HOME"), ".docker/config.json"),
            Environment.GetEnvironmentVariable("REGISTRY_AUTH_FILE"),
            In(Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"), "containers/auth.json"),
        ];
        return new(places.FirstOrDefault(File.Exists));
    }

    /// <summary>For a repository, or else its registry; null: none is known.</summary>
    /// <exception cref="LinuxKitException">The file or the helper is broken.</exception>
    internal async Task<Login?> FindAsync(ImageReference reference, CancellationToken ct)
    {
        if (_file is null)
            return null;

        string[] keys = reference.Registry == ImageReference.DockerHub
            ? [DockerHubKey, "docker.io", "index.docker.io"]
            : [$"{reference.Registry}/{reference.Repository}", reference.Registry, $"https://{reference.Registry}"];
        try
        {
            using var document = JsonDocument.Parse(await File.ReadAllBytesAsync(_file, ct));
            var helper = keys.Select(key => Descriptor.Text(Member(document.RootElement, "credHelpers"), key)).FirstOrDefault(name => name is not null)
                ?? Descriptor.Text(document.RootElement, "credsStore");

            // An empty name switches the helper off, as with Docker: the file itself has the logins.
            if (helper is { Length: > 0 } && await CredentialHelper.AskAsync(helper, keys[0] == DockerHubKey ? DockerHubKey : reference.Registry, _file, ct) is { } asked)
                return asked;

            var auths = Member(document.RootElement, "auths");
            return keys.Select(key => Read(Member(auths, key))).FirstOrDefault(login => login is not null);
        }
        catch (Exception e) when (e is JsonException or FormatException or IOException or UnauthorizedAccessException)
        {
            throw new LinuxKitException($"{_file}: cannot be read for logins to registries: {e.Message}", e);
        }
    }

    private static Login? Read(JsonElement entry)
    {
        if (Descriptor.Text(entry, "registrytoken") is { Length: > 0 } shown)
            return new(LoginKind.RegistryToken, "", shown);
        if (Descriptor.Text(entry, "identitytoken") is { Length: > 0 } token)
            return new(LoginKind.IdentityToken, "", token);
        if (Descriptor.Text(entry, "auth") is { Length: > 0 } both)
        {
            var text = Encoding.UTF8.GetString(Convert.FromBase64String(both));
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            return colon > 0 ? new(LoginKind.Password, text[..colon], text[(colon + 1)..]) : throw new FormatException("an auth entry is no base64 of user:password");
        }

        return Descriptor.Text(entry, "username") is { Length: > 0 } user ? new(LoginKind.Password, user, Descriptor.Text(entry, "password") ?? "") : null;
    }

    private static JsonElement Member(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var found) ? found : default;

    private static string? In(string? directory, string file) => string.IsNullOrEmpty(directory) ? null : Path.Combine(directory, file);
}
