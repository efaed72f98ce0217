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
        var damaged = "";
        _registry.Instead = context =>
        {
            var digest = context.Request.Url!.Segments[^1];
            if (!digest.StartsWith("sha256:", StringComparison.Ordinal) || _registry.Blob(digest) is not { Length: > 100_000 } content)
                return false;

            damaged = digest["sha256:".Length..];
            content[5] ^= 1;
            TestRegistry.Send(context, content);
            return true;
        };

        Assert.Contains("it was thrown away", (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync())).Message, StringComparison.Ordinal);
        Assert.Null(Store().Find(ImageReference.Parse("t/a:1"), "amd64"));
        Assert.False(File.Exists(Path.Combine(Store().PartialDirectory, damaged))); // what else was on its way may stay, and goes on from there
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
    public async Task Mistakes_in_names_are_told_before_any_layer_comes()
    {
        using var client = new RegistryClient(Mirrors.Parse([_registry.Mirror]), new(null), TimeProvider.System);
        using var puller = new ImagePuller(Store(), client, new SilentProgress());

        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => new ImageResolver(Store(), puller, "amd64").ResolveAsync(["t/a:1", "t/none:1", "t/neither:1"], always: false, null, CancellationToken.None));

        Assert.Equal(2, refused.Faults.Count);
        Assert.DoesNotContain(_registry.Requests, request => request.Contains("/blobs/", StringComparison.Ordinal));
    }

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

    [Theory]
    [InlineData("HERE/v2/t/a/moved", "sends on and on, more than 10 times")]
    [InlineData("http://example.com/v2/", "sends on to http://example.com; plain http is for this host only")]
    public async Task Where_it_is_sent_on_to_it_does_not_go_everywhere(string location, string fault)
    {
        _registry.Instead = context =>
        {
            TestRegistry.Refuse(context, 307, "Location", location.Replace("HERE", _registry.Address, StringComparison.Ordinal));
            return true;
        };

        Assert.Contains(fault, (await Assert.ThrowsAsync<LinuxKitException>(() => PullAsync())).Message, StringComparison.Ordinal);
        Assert.InRange(_registry.Requests.Count, 1, 11);
    }

    [Theory]
    [InlineData("sha256:0000000000000000000000000000000000000000000000000000000000000000", "and said that it is sha256:0000")]
    [InlineData("sha512:not-ours", null)]
    public async Task A_manifest_is_what_the_registry_says_that_it_is(string said, string? fault)
    {
        _registry.Instead = context =>
        {
            context.Response.AddHeader("Docker-Content-Digest", said);
            return false;
        };

        var pulled = await Record.ExceptionAsync(() => PullAsync());

        Assert.Contains(fault ?? "", pulled?.Message ?? "", StringComparison.Ordinal);
        Assert.Equal(fault is null, pulled is null);
    }

    [Fact]
    public async Task A_proxy_is_not_asked_for_what_is_on_this_host()
    {
        var before = System.Net.Http.HttpClient.DefaultProxy;
        try
        {
            // As HTTP_PROXY sets it. Other tests reach this host past it, as this one does.
            System.Net.Http.HttpClient.DefaultProxy = new System.Net.WebProxy("http://127.0.0.1:1");
            Assert.NotNull(await PullAsync());
        }
        finally
        {
            System.Net.Http.HttpClient.DefaultProxy = before;
        }
    }

    [Theory]
    [InlineData("docker.io=http://me:s3cret@127.0.0.1:5000")]
    [InlineData("https://me:s3cret@mirror.example/")]
    [InlineData("me:s3=cret@mirror.example")]
    public void A_mirror_has_no_password_and_an_error_does_not_show_it(string mirror)
    {
        var fault = Assert.Throws<LinuxKitException>(() => Mirrors.Parse([mirror])).Message;

        Assert.DoesNotContain("cret", fault, StringComparison.Ordinal);
        Assert.EndsWith($"log in with: docker login {(mirror.Contains("127", StringComparison.Ordinal) ? "127.0.0.1:5000" : "mirror.example")}", fault, StringComparison.Ordinal);
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

    private Task<Image> PullAsync(TestRegistry? registry = null, string name = "t/a:1", string architecture = "amd64") => (registry ?? _registry).PullAsync(_images.StoreDirectory, name, architecture);
}
