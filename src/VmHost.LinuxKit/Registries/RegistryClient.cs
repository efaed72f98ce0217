using System.Net;
using System.Net.Http.Headers;
using Polly;
using Polly.Retry;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Registries;

/// <summary>Reads from registries. Source: OCI distribution specification 1.1, pull.</summary>
internal sealed class RegistryClient : IDisposable
{
    private const int MaxRetries = 4;

    private static readonly string[] ManifestTypes =
    [
        Manifest.OciManifest, Manifest.OciIndex,
        "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.docker.distribution.manifest.list.v2+json",
    ];

    private readonly SocketsHttpHandler _handler;
    private readonly HttpClient _http;
    private readonly RegistryTokens _tokens;
    private readonly Mirrors _mirrors;
    private readonly TimeProvider _time;
    private readonly ResiliencePipeline _retry;

    internal RegistryClient(Mirrors mirrors, Credentials credentials, TimeProvider time)
    {
        // The handler drops Authorization when it follows a redirect, so that no login goes to whoever keeps the blobs.
        _handler = new() { ConnectTimeout = TimeSpan.FromSeconds(15), MaxConnectionsPerServer = 8 };
        _http = new(_handler, disposeHandler: false) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("vmhost");
        _tokens = new(_http, credentials);
        (_mirrors, _time) = (mirrors, time);
        _retry = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<HttpRequestException>(IsPassing).Handle<IOException>().Handle<TimeoutException>(),
                MaxRetryAttempts = MaxRetries,
                Delay = TimeSpan.FromMilliseconds(500),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                DelayGenerator = arguments => ValueTask.FromResult((arguments.Outcome.Exception as RetryLaterException)?.After),
            })
            .Build();
    }

    /// <summary>A manifest or an index, and its digest.</summary>
    /// <param name="reference">Of the repository.</param>
    /// <param name="version">Tag or digest.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="LinuxKitException">It cannot be had.</exception>
    internal Task<(byte[] Content, string MediaType)> GetManifestAsync(ImageReference reference, string version, CancellationToken ct) =>
        TellingAsync(reference, async token =>
        {
            using var response = await SendAsync(reference, $"v2/{reference.Repository}/manifests/{version}", ManifestTypes, null, token);
            var content = await ReadAsync(response.Content, reference, token);
            if (Descriptor.IsDigest(version) && ImageStore.DigestOf(content) != version)
                throw new LinuxKitException($"{reference}: the registry sent a manifest that is not {version}");
            return (content, response.Content.Headers.ContentType?.MediaType ?? "");
        },
        ct);

    /// <summary>Hands a blob's bytes to <paramref name="copy"/>, from an offset that it is asked for anew at every attempt.</summary>
    internal Task GetBlobAsync(ImageReference reference, Descriptor blob, Func<long> offset, Func<Stream, bool, CancellationToken, Task> copy, CancellationToken ct) =>
        TellingAsync(reference, async token =>
        {
            var from = offset();
            using var response = await SendAsync(reference, $"v2/{reference.Repository}/blobs/{blob.Digest}", [], from > 0 ? from : null, token);
            await using var content = await response.Content.ReadAsStreamAsync(token);
            await copy(content, response.StatusCode == HttpStatusCode.PartialContent, token);
            return true;
        },
        ct);

    public void Dispose()
    {
        _http.Dispose();
        _handler.Dispose();
    }

    private async Task<T> TellingAsync<T>(ImageReference reference, Func<CancellationToken, Task<T>> action, CancellationToken ct)
    {
        var address = _mirrors.AddressOf(reference.Registry);
        try
        {
            return await _retry.ExecuteAsync(async token => await action(token), ct);
        }
        catch (HttpRequestException e)
        {
            throw new LinuxKitException($"cannot pull {reference} from {address.GetLeftPart(UriPartial.Authority)}: {Describe(e)}", e);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            throw new LinuxKitException($"cannot pull {reference} from {address.GetLeftPart(UriPartial.Authority)}: {e.Message}; what has come so far is kept, the next try goes on from there", e);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(ImageReference reference, string path, IReadOnlyList<string> accept, long? from, CancellationToken ct)
    {
        var registry = _mirrors.AddressOf(reference.Registry);
        for (var answered = false; ; answered = true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(registry, path));
            foreach (var type in accept)
                request.Headers.Accept.ParseAdd(type);
            request.Headers.Range = from is null ? null : new RangeHeaderValue(from, null);
            request.Headers.Authorization = _tokens.Known(reference);
            var response = await StallLimit.WithinAsync(token => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token), _time, ct);
            if (response.IsSuccessStatusCode)
                return response;

            using (response)
            {
                if (response.StatusCode != HttpStatusCode.Unauthorized || answered || !await _tokens.AnswerAsync(reference, registry, response.Headers.WwwAuthenticate, ct))
                    throw Failure(response);
            }
        }
    }

    private static HttpRequestException Failure(HttpResponseMessage response) =>
        response.Headers.RetryAfter?.Delta is { } after && after <= TimeSpan.FromMinutes(1)
            ? new RetryLaterException(response.StatusCode, after)
            : new HttpRequestException(null, null, response.StatusCode);

    private static bool IsPassing(HttpRequestException e) =>
        e.StatusCode is null ? e.HttpRequestError != HttpRequestError.NameResolutionError && e.HttpRequestError != HttpRequestError.SecureConnectionError
            : e.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError;

    private static string Describe(HttpRequestException e) =>
        e.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => "UNAUTHORIZED: authentication required; log in with docker login, or check the image's name",
            HttpStatusCode.NotFound => "it has no such image or tag",
            HttpStatusCode.TooManyRequests => "it allows no more pulls for now (429); wait, or log in with docker login",
            { } code => $"it answered {(int)code} {code}",
            null => $"{e.InnerException?.Message ?? e.Message}; check the network and the name, or bring the image from a file with vmctl image load",
        };

    private async Task<byte[]> ReadAsync(HttpContent content, ImageReference reference, CancellationToken ct)
    {
        await using var stream = await content.ReadAsStreamAsync(ct);
        using var kept = new MemoryStream();
        var buffer = new byte[64 << 10];
        while (await StallLimit.WithinAsync(token => stream.ReadAsync(buffer, token).AsTask(), _time, ct) is > 0 and var count)
        {
            await kept.WriteAsync(buffer.AsMemory(0, count), ct);
            if (kept.Length > Manifest.MaxBytes)
                throw new LinuxKitException($"{reference}: the registry sent more than {Manifest.MaxBytes} bytes for a manifest");
        }

        return kept.ToArray();
    }

    private sealed class RetryLaterException(HttpStatusCode code, TimeSpan after) : HttpRequestException(null, null, code)
    {
        internal TimeSpan? After { get; } = after;
    }
}
