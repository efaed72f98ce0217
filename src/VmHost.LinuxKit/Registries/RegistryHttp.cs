using System.Net;
using System.Net.Http.Headers;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Registries;

/// <summary>
/// Sends to registries and to the servers that give tokens. Goes by hand where they send on to, since a login may go on to the same server and to no other,
/// and what comes over plain http from another host can be changed on the way.
/// </summary>
internal sealed class RegistryHttp : IDisposable
{
    private const int MaxRedirects = 10;

    private readonly SocketsHttpHandler _handler;
    private readonly HttpClient _http;
    private readonly TimeProvider _time;

    /// <param name="time">Says when nothing came for too long.</param>
    internal RegistryHttp(TimeProvider time)
    {
        _time = time;
        _handler = new() { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(15), MaxConnectionsPerServer = 8, Proxy = new NotForThisHost(HttpClient.DefaultProxy) };
        _http = new(_handler, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("vmhost");
    }

    /// <summary>Asks, also whoever the answer sends on to.</summary>
    /// <param name="reference">For errors.</param>
    /// <param name="address">That is asked first.</param>
    /// <param name="authorization">For that server alone; null: none.</param>
    /// <param name="addHeaders">Adds what else everybody is to see.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>The last response; its request has the address that it came from.</returns>
    /// <exception cref="LinuxKitException">It is sent on to where it does not go.</exception>
    internal async Task<HttpResponseMessage> GetAsync(ImageReference reference, Uri address, AuthenticationHeaderValue? authorization, Action<HttpRequestHeaders> addHeaders, CancellationToken ct)
    {
        var at = address;
        for (var redirects = 0; ; redirects++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, at);
            addHeaders(request.Headers);
            request.Headers.Authorization = ServerBoundary.IsSameServer(at, address) ? authorization : null;
            var response = await SendAsync(request, ct);
            if (!IsRedirect(response.StatusCode) || response.Headers.Location is not { } location)
                return response;

            response.Dispose();
            if (redirects == MaxRedirects)
                throw new LinuxKitException($"{reference}: {Shown(address)} sends on and on, more than {MaxRedirects} times; check the image's name and the mirror");
            at = Checked(reference, at, new Uri(at, location));
        }
    }

    /// <summary>Sends once; a redirect is an answer as any.</summary>
    internal Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken ct) =>
        StallLimit.WithinAsync(token => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token), _time, ct);

    /// <summary>The body of an answer.</summary>
    /// <param name="content">The body.</param>
    /// <param name="maxBytes">What it may have.</param>
    /// <param name="what">Begins the error when it has more.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="LinuxKitException">It is longer.</exception>
    /// <exception cref="TimeoutException">It does not go on.</exception>
    internal async Task<byte[]> ReadAsync(HttpContent content, int maxBytes, string what, CancellationToken ct)
    {
        await using var stream = await content.ReadAsStreamAsync(ct);
        using var kept = new MemoryStream();
        var buffer = new byte[64 << 10];
        while (await StallLimit.WithinAsync(token => stream.ReadAsync(buffer, token).AsTask(), _time, ct) is > 0 and var count)
        {
            await kept.WriteAsync(buffer.AsMemory(0, count), ct);
            if (kept.Length > maxBytes)
                throw new LinuxKitException($"{what} sent more than {maxBytes} bytes (a broken proxy or registry?)");
        }

        return kept.ToArray();
    }

    public void Dispose()
    {
        _http.Dispose();
        _handler.Dispose();
    }

    /// <summary>A server for errors: without path, query, user and password.</summary>
    internal static string Shown(Uri address) => $"{address.Scheme}://{address.Authority}";

    private static bool IsRedirect(HttpStatusCode code) =>
        code is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;

    private static Uri Checked(ImageReference reference, Uri from, Uri to) =>
        ServerBoundary.Objection(from, to) is not { } objection ? to
        : throw new LinuxKitException($"{reference}: {Shown(from)} sends on to {Shown(to)}; {objection}, so another mirror or registry is needed");

    /// <summary>No proxy reaches what is on this host, whatever the environment says; Go's tools hold it so too.</summary>
    private sealed class NotForThisHost(IWebProxy others) : IWebProxy
    {
        public ICredentials? Credentials { get => others.Credentials; set => others.Credentials = value; }

        public Uri? GetProxy(Uri destination) => destination.IsLoopback ? null : others.GetProxy(destination);

        public bool IsBypassed(Uri host) => host.IsLoopback || others.IsBypassed(host);
    }
}
