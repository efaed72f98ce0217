using System.Text;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Registries;

namespace VmHost.LinuxKit.Tests.Registries;

/// <summary>Pulling over real sockets from a registry that may misbehave.</summary>
public sealed class PullTests : IDisposable
{
    private readonly TestImages _images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a", new string('a', 50_000)), new TestLayer().File("b", Noise(400_000)));
    private readonly TestRegistry _registry;

    public PullTests() => _registry = new(_images.Layout);

    [Fact]
    public async Task An_image_is_pulled_once_and_found_then()
    {
        var first = await PullAsync();

        Assert.Equal(2, first.Layers.Count);
        Assert.Equal(4, _registry.Requests.Count);
        Assert.NotNull(Store().Find(ImageReference.Parse("t/a:1"), "amd64"));
        Assert.Empty(Directory.GetFiles(Store().PartialDirectory));
    }

    [Fact]
    public async Task Pulls_of_the_same_image_at_once_bring_each_blob_once()
    {
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => PullAsync()));

        Assert.Equal(3, _registry.Requests.Count(request => request.Contains("/blobs/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_connection_that_breaks_is_resumed()
    {
        var broken = 0;
        _registry.Instead = context =>
        {
            var digest = context.Request.Url!.Segments[^1];
            if (context.Request.Headers["Range"] is not null || !digest.StartsWith("sha256:", StringComparison.Ordinal) || _registry.Blob(digest) is not { Length: > 100_000 } content)
                return false;

            Interlocked.Increment(ref broken);
            context.Response.ContentLength64 = content.Length;
            context.Response.OutputStream.Write(content, 0, 100_000);
            context.Response.OutputStream.Flush();
            context.Response.Abort();
            return true;
        };

        Assert.Equal(2, (await PullAsync()).Layers.Count);
        Assert.Equal(1, broken);
        Assert.Contains(_registry.Requests, request => request.Contains("bytes=", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(429)]
    [InlineData(503)]
    public async Task What_passes_is_tried_again(int code)
    {
        var refused = 0;
        _registry.Instead = context =>
        {
            if (Interlocked.Increment(ref refused) > 2)
                return false;

            TestRegistry.Refuse(context, code, "Retry-After", "0");
            return true;
        };

        Assert.NotNull(await PullAsync());
    }

    [Fact]
    public async Task Content_that_is_not_what_was_asked_for_is_thrown_away()
    {
        _registry.Instead = context =>
        {
            var digest = context.Request.Url!.Segments[^1];
            if (!digest.StartsWith("sha256:", StringComparison.Ordinal) || _registry.Blob(digest) is not { Length: > 100_000 } content)
                return false;

            content[5] ^= 1;
            TestRegistry.Send(context, content);
            return true;
        };

        Assert.Contains("it was thrown away", (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync())).Message, StringComparison.Ordinal);
        Assert.Null(Store().Find(ImageReference.Parse("t/a:1"), "amd64"));
        Assert.DoesNotContain(Directory.GetFiles(Store().PartialDirectory), file => !file.EndsWith(".lock", StringComparison.Ordinal));
    }

    [Fact]
    public async Task More_than_was_said_is_not_taken()
    {
        _registry.Instead = context =>
        {
            var digest = context.Request.Url!.Segments[^1];
            if (!digest.StartsWith("sha256:", StringComparison.Ordinal) || _registry.Blob(digest) is not { Length: > 100_000 } content)
                return false;

            TestRegistry.Send(context, [.. content, .. content]);
            return true;
        };

        Assert.Contains("sends more than the", (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_is_fetched_and_never_goes_elsewhere()
    {
        using var elsewhere = new TestRegistry(_images.Layout);
        _registry.Instead = context =>
        {
            var path = context.Request.Url!.AbsolutePath;
            if (path == "/token")
            {
                TestRegistry.Send(context, "{\"token\":\"T0KEN\"}"u8.ToArray());
                return true;
            }

            if (context.Request.Headers["Authorization"] != "Bearer T0KEN")
            {
                TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"http://127.0.0.1:{_registry.Port}/token\",service=\"s\",scope=\"repository:t/a:pull\"");
                return true;
            }

            if (!path.Contains("/blobs/", StringComparison.Ordinal))
                return false;

            TestRegistry.Refuse(context, 307, "Location", $"http://127.0.0.1:{elsewhere.Port}{path}");
            return true;
        };

        Assert.NotNull(await PullAsync());
        Assert.Contains(_registry.Requests, request => request.StartsWith("GET /token", StringComparison.Ordinal));
        Assert.Equal(3, elsewhere.Requests.Count);
        Assert.DoesNotContain(elsewhere.Requests, request => request.Contains("T0KEN", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(200, "POST grant_type=refresh_token&refresh_token=mine&service=s&scope=repository%3At%2Fa%3Apull")]
    [InlineData(404, "GET ")]
    public async Task An_identity_token_is_traded_for_one_of_the_registry(int answer, string last)
    {
        var asked = "";
        _registry.Instead = context =>
        {
            if (context.Request.Url!.AbsolutePath == "/token")
            {
                asked = $"{context.Request.HttpMethod} {new StreamReader(context.Request.InputStream).ReadToEnd()}";
                if (context.Request.HttpMethod == "POST" && answer != 200)
                    TestRegistry.Refuse(context, answer);
                else
                    TestRegistry.Send(context, "{\"access_token\":\"T\"}"u8.ToArray());
                return true;
            }

            if (context.Request.Headers["Authorization"] == "Bearer T")
                return false;

            TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"http://127.0.0.1:{_registry.Port}/token\",service=\"s\"");
            return true;
        };
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$$"""{"auths":{"127.0.0.1:{{{{_registry.Port}}}}":{"identitytoken":"mine"}}}""", TestContext.Current.CancellationToken);

        Assert.NotNull(await PullAsync(new Credentials(file)));
        Assert.StartsWith(last, asked, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://example.com/token", "no password is sent that way")]
    [InlineData("HERE/page", "answered something else (is there a login page in between?)")]
    [InlineData("HERE/nothing", "which the registry sends to for a token, answered 404 NotFound")]
    public async Task A_token_server_that_is_none_is_told(string realm, string fault)
    {
        _registry.Instead = context =>
        {
            switch (context.Request.Url!.AbsolutePath)
            {
                case "/page":
                    TestRegistry.Send(context, "<html>"u8.ToArray());
                    break;
                case "/nothing":
                    TestRegistry.Refuse(context, 404);
                    break;
                default:
                    TestRegistry.Refuse(context, 401, "WWW-Authenticate", $"Bearer realm=\"{realm.Replace("HERE", $"http://127.0.0.1:{_registry.Port}", StringComparison.Ordinal)}\",service=\"s\"");
                    break;
            }

            return true;
        };

        Assert.Contains(fault, (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mistakes_in_names_are_told_before_any_layer_comes()
    {
        using var client = new RegistryClient(Mirrors.Parse([_registry.Mirror]), new(null), TimeProvider.System);
        using var puller = new ImagePuller(Store(), client, new SilentProgress());

        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => new ImageResolver(Store(), puller, "amd64").ResolveAsync(["t/a:1", "t/none:1", "t/neither:1"], always: false, null, CancellationToken.None));

        Assert.Equal(2, refused.Faults.Count);
        Assert.DoesNotContain(_registry.Requests, request => request.Contains("/blobs/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_password_is_taken_from_where_docker_keeps_it()
    {
        _registry.Instead = context =>
        {
            if (context.Request.Headers["Authorization"] == $"Basic {Base64("me:secret")}")
                return false;

            TestRegistry.Refuse(context, 401, "WWW-Authenticate", "Basic realm=\"r\"");
            return true;
        };
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$$"""{"auths":{"127.0.0.1:{{{{_registry.Port}}}}":{"auth":"{{{{Base64("me:secret")}}}}"}}}""", TestContext.Current.CancellationToken);

        Assert.NotNull(await PullAsync(new Credentials(file)));
        Assert.Contains("UNAUTHORIZED: authentication required", (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync(store: _images.Combine("other")))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirror_does_not_get_the_login_of_the_registry_that_it_mirrors()
    {
        _registry.Instead = context =>
        {
            TestRegistry.Refuse(context, 401, "WWW-Authenticate", "Basic realm=\"r\"");
            return true;
        };
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, $$$$"""{"auths":{"https://index.docker.io/v1/":{"auth":"{{{{Base64("me:secret")}}}}"},"docker.io":{"auth":"{{{{Base64("me:secret")}}}}"}}}""", TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync(new Credentials(file)));
        Assert.All(_registry.Requests, request => Assert.DoesNotContain("Basic", request, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_credential_helper_is_asked()
    {
        var helper = _images.Combine("docker-credential-vhtest");
        await File.WriteAllTextAsync(helper, "#!/bin/sh\nread -r key\n[ \"$1 $key\" = \"get https://index.docker.io/v1/\" ] && echo '{\"Username\":\"me\",\"Secret\":\"s\"}'\n", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(helper, (UnixFileMode)0b111_101_101);
        var file = _images.Combine("config.json");
        await File.WriteAllTextAsync(file, """{"credsStore":"vhtest"}""", TestContext.Current.CancellationToken);
        var path = Environment.GetEnvironmentVariable("PATH");
        try
        {
            Environment.SetEnvironmentVariable("PATH", $"{_images.Combine(".")}:{path}");
            Assert.Equal(new Login("me", "s"), await new Credentials(file).FindAsync(ImageReference.Parse("t/a:1"), CancellationToken.None));
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Fact]
    public void A_login_never_shows_its_secret() => Assert.DoesNotContain("s3cret", $"{new Login("me", "s3cret")}", StringComparison.Ordinal);

    [Theory]
    [InlineData("amd64", "for amd64")]
    [InlineData("arm64", "for arm64")]
    public async Task From_an_index_comes_what_is_for_the_processor(string architecture, string content)
    {
        using var images = Index();
        using var registry = new TestRegistry(images.Layout);

        var image = await PullAsync(registry: registry, name: "t/many:1", architecture: architecture);

        Assert.Equal([content], new VmHost.LinuxKit.Layers.Flattener(image, new()).Entries().Select(entry => entry.Name));
        Assert.Equal(4, registry.Requests.Count); // index, manifest, configuration, layer: nothing of the other
        Assert.Null(Store().Find(ImageReference.Parse("t/many:1"), architecture == "amd64" ? "arm64" : "amd64"));
    }

    [Fact]
    public async Task An_index_without_the_processor_is_told()
    {
        using var images = Index();
        using var registry = new TestRegistry(images.Layout);

        Assert.Equal(
            "docker.io/t/many:1 has no image for linux/s390x; it has linux/amd64, linux/arm64",
            (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync(registry: registry, name: "t/many:1", architecture: "s390x"))).Message);
    }

    [Fact]
    public async Task An_image_that_is_not_there_is_told()
    {
        Assert.Equal(
            $"cannot pull docker.io/t/none:1 from http://127.0.0.1:{_registry.Port}: it has no such image or tag",
            (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync(name: "t/none:1"))).Message);
        Assert.Contains("--mirror docker.io=http://example.com: plain http is for this host only", Assert.Throws<LinuxKitException>(() => Mirrors.Parse(["docker.io=http://example.com"])).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _registry.Dispose();
        _images.Dispose();
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static string Noise(int length)
    {
        var bytes = new byte[length];
        new Random(5).NextBytes(bytes);
        return Convert.ToBase64String(bytes);
    }

    private ImageStore Store() => ImageStore.Open(_images.StoreDirectory);

    private static TestImages Index()
    {
        var images = new TestImages();
        foreach (var architecture in (string[])["amd64", "arm64"])
        {
            var tar = new TestLayer().File($"for {architecture}").Tar();
            images.Add(architecture, "unused", [], [(TestLayer.Gzip(tar), tar)]);
        }

        return images.AsIndex("docker.io/t/many:1", "amd64", "arm64");
    }

    private async Task<Image> PullAsync(Credentials? credentials = null, string? store = null, string name = "t/a:1", string architecture = "amd64", TestRegistry? registry = null)
    {
        using var client = new RegistryClient(Mirrors.Parse([(registry ?? _registry).Mirror]), credentials ?? new(null), TimeProvider.System);
        using var puller = new ImagePuller(ImageStore.Open(store ?? _images.StoreDirectory), client, new SilentProgress());
        return await puller.PullAsync(ImageReference.Parse(name), architecture, CancellationToken.None);
    }
}
