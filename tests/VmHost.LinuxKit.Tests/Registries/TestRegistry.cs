using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Registries;

namespace VmHost.LinuxKit.Tests.Registries;

/// <summary>A registry on a real socket that serves an OCI layout, and misbehaves where a test wants it to.</summary>
internal sealed class TestRegistry : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly string _layout;

    internal TestRegistry(string layout)
    {
        _layout = layout;
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            Port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        }

        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        _listener.Start();
        _ = Task.Run(ServeAsync);
    }

    internal int Port { get; }

    internal string Address => $"http://127.0.0.1:{Port}";

    internal string Mirror => $"docker.io={Address}";

    /// <summary>What came: method, path, and what was said for authorization.</summary>
    internal ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Answers instead of the registry; true: it did.</summary>
    internal Func<HttpListenerContext, bool> Instead { get; set; } = _ => false;

    public void Dispose() => _listener.Close();

    /// <summary>From now on it answers nobody without that user and password.</summary>
    internal void Want(string user, string password) => Instead = context =>
    {
        if (context.Request.Headers["Authorization"] == $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}")
            return false;

        Refuse(context, 401, "WWW-Authenticate", "Basic realm=\"r\"");
        return true;
    };

    /// <summary>Pulls from it into a store.</summary>
    internal async Task<Image> PullAsync(string store, string name = "t/a:1", string architecture = "amd64", Credentials? credentials = null, TimeProvider? time = null, CancellationToken ct = default)
    {
        using var client = new RegistryClient(Mirrors.Parse([Mirror]), credentials ?? new(null), time ?? TimeProvider.System);
        using var puller = new ImagePuller(ImageStore.Open(store), client, new SilentProgress());
        return await puller.PullAsync(ImageReference.Parse(name), architecture, ct);
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                _ = Task.Run(() => Answer(context));
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private void Answer(HttpListenerContext context)
    {
        try
        {
            var path = context.Request.Url!.AbsolutePath;
            Requests.Enqueue($"{context.Request.HttpMethod} {path} {context.Request.Headers["Authorization"]} {context.Request.Headers["Range"]}".TrimEnd());
            if (Instead(context))
                return;

            var name = path[(path.LastIndexOf('/') + 1)..];
            var content = path.Contains("/manifests/", StringComparison.Ordinal) && !name.StartsWith("sha256:", StringComparison.Ordinal) ? Tagged(path) : Blob(name);
            if (content is null)
            {
                Refuse(context, 404);
                return;
            }

            Send(context, content);
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException)
        {
            // The client went away, or the test is over.
        }
    }

    internal static void Send(HttpListenerContext context, byte[] content)
    {
        var from = context.Request.Headers["Range"] is { } range ? int.Parse(range["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture) : 0;
        context.Response.StatusCode = from > 0 ? 206 : 200;
        context.Response.ContentLength64 = content.Length - from;
        context.Response.OutputStream.Write(content, from, content.Length - from);
        context.Response.Close();
    }

    internal static void Refuse(HttpListenerContext context, int code, string? header = null, string? value = null)
    {
        context.Response.StatusCode = code;
        if (header is not null)
            context.Response.AddHeader(header, value!);
        context.Response.Close();
    }

    internal byte[]? Blob(string digest)
    {
        var file = Path.Combine(_layout, "blobs", "sha256", digest["sha256:".Length..]);
        return File.Exists(file) ? File.ReadAllBytes(file) : null;
    }

    // v2/NAME/manifests/TAG
    private byte[]? Tagged(string path)
    {
        var at = path.LastIndexOf("/manifests/", StringComparison.Ordinal);
        var name = $"docker.io/{path["/v2/".Length..at]}:{path[(at + "/manifests/".Length)..]}";
        var index = Manifest.Parse(Encoding.UTF8.GetBytes(File.ReadAllText(Path.Combine(_layout, "index.json"))), "index", Manifest.OciIndex);
        return index.Manifests.FirstOrDefault(one => one.Name == name) is { } found ? Blob(found.Digest) : null;
    }
}
