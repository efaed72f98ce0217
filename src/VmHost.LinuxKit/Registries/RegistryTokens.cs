using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Registries;

/// <summary>
/// The answers to a registry's challenges: a password, or a token from a token server. Source: distribution's <c>docs/spec/auth</c>.
/// <list type="bullet">
/// <item>A challenge (401) is answered only if it comes from the registry that was asked: the same scheme, host and port, after all redirects.
/// A challenge from any other server is an error, and neither the login nor an anonymous token request follows from it (CVE-2020-15157).</item>
/// <item>The realm of the registry's own challenge may be on another host, as with Docker and containerd: Docker Hub's is. This gives a registry
/// nothing that it lacks, because it could ask for the same login with Basic.</item>
/// <item>The realm has to be https. Plain http is accepted only between loopback addresses, and a realm on this host or a link-local address
/// only from a registry on this host. Docker and containerd have neither limit.</item>
/// <item>The login is sent to the realm's server only. A redirect of the token request to another server is followed without it, and never for
/// an identity token.</item>
/// <item>A mirror gets the login stored for the mirror, never the login of the registry that it mirrors.</item>
/// </list>
/// </summary>
/// <param name="http">Sends.</param>
/// <param name="credentials">Of the user.</param>
internal sealed class RegistryTokens(RegistryHttp http, Credentials credentials)
{
    private const string ClientId = "vmhost";
    private const int MaxAnswerBytes = 1 << 20;

    private readonly Dictionary<string, AuthenticationHeaderValue> _known = new(StringComparer.Ordinal);

    // Guards _known.
    private readonly Lock _lock = new();

    /// <summary>What is known to open a repository; null: nothing so far.</summary>
    internal AuthenticationHeaderValue? Known(ImageReference reference)
    {
        lock (_lock)
            return _known.GetValueOrDefault(Key(reference));
    }

    /// <summary>Answers a registry's challenge. False: there is nothing to answer it with.</summary>
    /// <param name="reference">Of the repository.</param>
    /// <param name="registry">The address of the registry, or of its mirror, that was asked.</param>
    /// <param name="refusal">The 401 response.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="LinuxKitException">The challenge is not the registry's, or no token is available.</exception>
    internal async Task<bool> AnswerAsync(ImageReference reference, Uri registry, HttpResponseMessage refusal, CancellationToken ct)
    {
        var challenger = refusal.RequestMessage?.RequestUri;
        if (challenger is null || !ServerBoundary.IsSameServer(registry, challenger))
        {
            var server = challenger is null ? "an unknown server" : RegistryHttp.Shown(challenger);
            throw new LinuxKitException($"{reference}: {RegistryHttp.Shown(registry)} redirects to {server}, which requires a login; a login is never sent to a server other than the registry, so pull from {server} itself or use another mirror");
        }

        var challenges = refusal.Headers.WwwAuthenticate;

        // The login of whoever asks: what is kept for docker.io is no business of a mirror's.
        var login = await credentials.FindAsync(reference.Registry == ImageReference.DockerHub && IsDockerHub(registry) ? reference : reference with { Registry = registry.Authority }, ct);
        var bearer = challenges.FirstOrDefault(one => one.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase));
        AuthenticationHeaderValue? answer;
        if (login is { Kind: LoginKind.RegistryToken } && bearer is not null)
            answer = new("Bearer", login.Secret);
        else if (bearer?.Parameter is not null)
            answer = await TokenAsync(reference, registry, bearer.Parameter, login, ct);
        else if (login is { Kind: LoginKind.Password } && challenges.Any(one => one.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase)))
            answer = Basic(login);
        else
            answer = null;

        if (answer is null)
            return false;

        lock (_lock)
            _known[Key(reference)] = answer;
        return true;
    }

    private async Task<AuthenticationHeaderValue?> TokenAsync(ImageReference reference, Uri registry, string parameter, Login? login, CancellationToken ct)
    {
        var fields = Fields(parameter);
        if (!fields.TryGetValue("realm", out var realm) || !Uri.TryCreate(realm, UriKind.Absolute, out var address))
            throw new LinuxKitException($"{reference}: the registry asks for a token and does not say where to get it");
        if (ServerBoundary.Objection(registry, address) is { } objection)
            throw new LinuxKitException($"{reference}: the registry sends to {RegistryHttp.Shown(address)} for a token; {objection}, and no password is sent that way");

        var scope = fields.GetValueOrDefault("scope") is { Length: > 0 } own ? own : $"repository:{reference.Repository}:pull";
        var service = fields.GetValueOrDefault("service");
        if (login is { Kind: LoginKind.IdentityToken })
        {
            using var trade = Refresh(address, service, scope, login);
            using var response = await http.SendAsync(trade, ct);
            var (code, traded) = await ReadAsync(response, reference, address, ct);
            if ((int)code is >= 300 and < 400)
                throw new LinuxKitException($"{reference}: {RegistryHttp.Shown(address)} was asked for a token and sends on to another place ({(int)code}), where no login is sent; log in to that registry with a password");

            // A server that knows only the older way is asked in it.
            if (code is not (HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed))
                return traded;
        }

        using var answer = await http.GetAsync(reference, WithQuery(address, service, scope), login is { Kind: LoginKind.Password } ? Basic(login) : null, static _ => { }, ct);
        var (status, token) = await ReadAsync(answer, reference, address, ct);
        return (int)status < 400 || status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden ? token
            : throw new LinuxKitException($"{reference}: {RegistryHttp.Shown(address)}, which the registry sends to for a token, answered {(int)status} {status}");
    }

    // What passes (429, 5xx) is thrown as it is, and tried again with the whole request.
    private async Task<(HttpStatusCode Status, AuthenticationHeaderValue? Token)> ReadAsync(HttpResponseMessage response, ImageReference reference, Uri address, CancellationToken ct)
    {
        if (response.StatusCode is HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError)
            throw new HttpRequestException(null, null, response.StatusCode);
        if (!response.IsSuccessStatusCode)
            return (response.StatusCode, null);

        var body = await http.ReadAsync(response.Content, MaxAnswerBytes, $"{reference}: {RegistryHttp.Shown(address)}, which was asked for a token,", ct);
        try
        {
            using var document = JsonDocument.Parse(body);
            var token = Descriptor.Text(document.RootElement, "token") ?? Descriptor.Text(document.RootElement, "access_token");
            return (response.StatusCode, token is null ? null : new("Bearer", token));
        }
        catch (JsonException e)
        {
            throw new LinuxKitException($"{reference}: {RegistryHttp.Shown(address)} was asked for a token and answered something else (is there a login page in between?)", e);
        }
    }

    private static HttpRequestMessage Refresh(Uri address, string? service, string scope, Login login) =>
        new(HttpMethod.Post, address)
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["grant_type"] = "refresh_token",
                ["refresh_token"] = login.Secret,
                ["service"] = service ?? "",
                ["scope"] = scope,
                ["client_id"] = ClientId,
            }),
        };

    private static Uri WithQuery(Uri address, string? service, string scope)
    {
        var query = new StringBuilder(address.Query.TrimStart('?'));
        if (query.Length > 0)
            query.Append('&');
        if (service is not null)
            query.Append("service=").Append(Uri.EscapeDataString(service)).Append('&');
        query.AppendJoin('&', scope.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(one => $"scope={Uri.EscapeDataString(one)}"));
        return new UriBuilder(address) { Query = query.ToString() }.Uri;
    }

    // key="value",key="value"; commas may stand in the values.
    private static Dictionary<string, string> Fields(string parameter)
    {
        var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var rest = parameter.AsSpan();
        while (rest.IndexOf('=') is > 0 and var equals)
        {
            var key = rest[..equals].Trim(" ,").ToString();
            rest = rest[(equals + 1)..];
            var quoted = rest.StartsWith("\"");
            rest = quoted ? rest[1..] : rest;
            var end = rest.IndexOf(quoted ? '"' : ',');
            fields[key] = (end < 0 ? rest : rest[..end]).ToString();
            rest = end < 0 ? [] : rest[(end + 1)..];
        }

        return fields;
    }

    private static AuthenticationHeaderValue Basic(Login login) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{login.User}:{login.Secret}")));

    private static bool IsDockerHub(Uri registry) => registry is { Scheme: "https", Host: "registry-1.docker.io", IsDefaultPort: true };

    private static string Key(ImageReference reference) => $"{reference.Registry}/{reference.Repository}";
}
