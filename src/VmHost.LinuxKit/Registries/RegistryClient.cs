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
        Manifest.OciManifest, Manifest.OciIndex, Manifest.DockerManifest, Manifest.DockerIndex,
    ];

    private readonly RegistryHttp _http;
    private readonly RegistryTokens _tokens;
    private readonly Mirrors _mirrors;
    private readonly ResiliencePipeline _retry;

    internal RegistryClient(Mirrors mirrors, Credentials credentials, TimeProvider time)
    {
        _http = new(time);
        _tokens = new(_http, credentials);
        _mirrors = mirrors;
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

    /// <summary>A manifest or an index, and its type.</summary>
    /// <param name="reference">Of the repository.</param>
    /// <param name="version">Tag or digest.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="LinuxKitException">It cannot be had.</exception>
    internal Task<(byte[] Content, string MediaType)> GetManifestAsync(ImageReference reference, string version, CancellationToken ct) =>
        TellingAsync(reference, async token =>
        {
            using var response = await SendAsync(reference, $"v2/{reference.Repository}/manifests/{version}", ManifestTypes, null, token);
            var content = await _http.ReadAsync(response.Content, Manifest.MaxBytes, $"{reference}: the registry", token);
            var (digest, said) = (ImageStore.DigestOf(content), response.Headers.TryGetValues("Docker-Content-Digest", out var values) ? values.First() : "");
            if (Descriptor.IsDigest(version) && digest != version)
                throw new LinuxKitException($"{reference}: the registry sent a manifest that is not {version}");
            if (Descriptor.IsDigest(said) && digest != said)
                throw new LinuxKitException($"{reference}: the registry sent a manifest that is {digest}, and said that it is {said} (a broken proxy or registry?)");
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

    public void Dispose() => _http.Dispose();

    private async Task<T> TellingAsync<T>(ImageReference reference, Func<CancellationToken, Task<T>> action, CancellationToken ct)
    {
        var address = _mirrors.AddressOf(reference.Registry);
        try
        {
            return await _retry.ExecuteAsync(async token => await action(token), ct);
        }
        catch (HttpRequestException e)
        {
            throw new LinuxKitException($"cannot pull {reference} from {RegistryHttp.Shown(address)}: {Describe(e)}", e);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            throw new LinuxKitException($"cannot pull {reference} from {RegistryHttp.Shown(address)}: {e.Message}; what has come so far is kept, the next try goes on from there", e);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(ImageReference reference, string path, IReadOnlyList<string> accept, long? from, CancellationToken ct)
    {
        var registry = _mirrors.AddressOf(reference.Registry);
        for (var answered = false; ; answered = true)
        {
            var response = await _http.GetAsync(reference, new Uri(registry, path), _tokens.Known(reference), AddHeaders, ct);
            if (response.IsSuccessStatusCode)
                return response;

            using (response)
            {
                if (response.StatusCode != HttpStatusCode.Unauthorized || answered || !await _tokens.AnswerAsync(reference, registry, response, ct))
                    throw Failure(response);
            }
        }

        void AddHeaders(HttpRequestHeaders headers)
        {
            foreach (var type in accept)
                headers.Accept.ParseAdd(type);
            headers.Range = from is null ? null : new RangeHeaderValue(from, null);
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

    private sealed class RetryLaterException(HttpStatusCode code, TimeSpan after) : HttpRequestException(null, null, code)
    {
        internal TimeSpan? After { get; } = after;
    }
}
