using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>Docker's own registry (Debian's docker-registry) on this host, filled from an image store.</summary>
internal sealed class DockerRegistry : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly HttpClient _http = new();
    private readonly Process _process;

    internal DockerRegistry()
    {
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            Address = new($"http://127.0.0.1:{((IPEndPoint)socket.LocalEndPoint!).Port}/");
        }

        File.WriteAllText(_directory.Combine("config.yml"), $"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {_directory.Combine("data")}}}}}\nhttp: {{addr: '{Address.Authority}'}}\n");
        _process = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "artifacts/tools/docker-registry/usr/bin/docker-registry"), ["serve", _directory.Combine("config.yml")])
        {
            UseShellExecute = false,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    internal Uri Address { get; }

    internal async Task ReadyAsync() => await Eventually.TrueAsync(
        async () =>
        {
            try
            {
                return (await _http.GetAsync(new Uri(Address, "v2/"))).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        },
        "the registry answers");

    /// <summary>Pushes an image of a store under another name.</summary>
    internal async Task PushAsync(string store, string from, string repository, string tag)
    {
        using var index = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(store, "index.json")));
        var top = index.RootElement.GetProperty("manifests").EnumerateArray()
            .Single(one => one.GetProperty("annotations").GetProperty("org.opencontainers.image.ref.name").GetString() == from);
        var manifest = await BlobAsync(store, top);
        using var document = JsonDocument.Parse(manifest);
        foreach (var blob in document.RootElement.GetProperty("layers").EnumerateArray().Append(document.RootElement.GetProperty("config")))
        {
            using var begun = await _http.PostAsync(new Uri(Address, $"v2/{repository}/blobs/uploads/"), null);
            begun.EnsureSuccessStatusCode();
            var location = new Uri(Address, begun.Headers.Location!);
            using var content = new ByteArrayContent(await BlobAsync(store, blob));
            (await _http.PutAsync(new UriBuilder(location) { Query = $"{location.Query.TrimStart('?')}&digest={blob.GetProperty("digest").GetString()}" }.Uri, content)).EnsureSuccessStatusCode();
        }

        using var body = new ByteArrayContent(manifest);
        body.Headers.ContentType = new(top.GetProperty("mediaType").GetString()!);
        (await _http.PutAsync(new Uri(Address, $"v2/{repository}/manifests/{tag}"), body)).EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _http.Dispose();
        _directory.Dispose();
    }

    private static Task<byte[]> BlobAsync(string store, JsonElement descriptor) =>
        File.ReadAllBytesAsync(Path.Combine(store, "blobs", "sha256", descriptor.GetProperty("digest").GetString()!["sha256:".Length..]));
}
