using System.Formats.Tar;
using System.Text;
using System.Text.Json.Nodes;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Tests.Registries;

namespace VmHost.LinuxKit.Tests.Images;

/// <summary>Documents that one reader takes for an index and another for a manifest (CVE-2021-41190), in all places that manifests are read.</summary>
public sealed class AmbiguousManifestTests : IDisposable
{
    private const string Digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    private const string Blob = $$"""{"digest":"{{Digest}}","size":1}""";
    private const string Image = $"\"config\":{Blob},\"layers\":[{Blob}]";
    private const string Index = $"\"manifests\":[{Blob}]";

    private readonly TestImages _images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));

    public static TheoryData<string, string, string> Refused() => new()
    {
        { $"{{{Index},{Image}}}", "", "has manifests and layers and config, so it could be read as more than one image (CVE-2021-41190)" },
        { $"{{{Index},\"layers\":[]}}", "", "has manifests and layers" },
        { $"{{{Index},\"layers\":null}}", "", "has manifests and layers" },
        { $"{{{Index},\"config\":{Blob}}}", "", "has manifests and config" },
        { $"{{\"manifests\":[],{Image}}}", "", "has manifests and layers" },
        { $"{{{Image},\"Manifests\":[{Blob}]}}", "", "has Manifests and layers" },
        { $"{{{Image},\"Layers\":[]}}", "", "has layers and Layers" },
        { $"{{{Image},\"fsLayers\":[]}}", "", "has layers and config and fsLayers" },
        { $"{{{Image},\"layers\":[]}}", "", "is no image manifest: " },
        { $"{{{Image},\"mediaType\":\"{Manifest.OciIndex}\"}}", "", $"is an image manifest by its content and {Manifest.OciIndex} by its media type" },
        { $"{{{Image},\"mediaType\":\"{Manifest.DockerIndex}\"}}", Manifest.DockerManifest, "by its media type" },
        { $"{{{Index},\"mediaType\":\"{Manifest.OciManifest}\"}}", Manifest.OciIndex, $"is an index of manifests by its content and {Manifest.OciManifest} by its media type" },
        { $"{{{Image},\"mediaType\":7}}", "", "its mediaType is not a string" },
        { $"{{{Image}}}", Manifest.OciIndex, $"is an image manifest by its content and {Manifest.OciIndex}" },
        { $"{{{Image}}}", Manifest.DockerIndex, "by its media type" },
        { $"{{{Index}}}", Manifest.OciManifest, $"is an index of manifests by its content and {Manifest.OciManifest}" },
        { $"{{{Index}}}", "application/vnd.oci.image.layer.v1.tar+gzip", "by its media type" },
        { $"{{{Image}}}", "application/vnd.oci.image.config.v1+json", "by its media type" },
        { $"{{{Image}}}", "application/vnd.docker.distribution.manifest.v1+prettyjws", "by its media type" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_document_of_two_kinds_is_refused(string document, string mediaType, string fault) =>
        Assert.Contains(fault, Assert.Throws<LinuxKitException>(() => Manifest.Parse(Encoding.UTF8.GetBytes(document), "x", mediaType)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData($"{{{Image}}}", "", false)]
    [InlineData($"{{{Image},\"mediaType\":\"{Manifest.DockerManifest}\"}}", Manifest.OciManifest, false)]
    [InlineData($"{{{Image}}}", "application/octet-stream", false)]
    [InlineData($"{{{Index}}}", "text/plain", true)]
    [InlineData($"{{{Index},\"mediaType\":\"{Manifest.OciIndex}\"}}", Manifest.DockerIndex, true)]
    public void A_document_of_one_kind_is_read(string document, string mediaType, bool isIndex) =>
        Assert.Equal(isIndex, Manifest.Parse(Encoding.UTF8.GetBytes(document), "x", mediaType).IsIndex);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_ambiguous_manifest_is_not_pulled(bool belowAnIndex)
    {
        var top = Ambiguous(belowAnIndex);
        using var registry = new TestRegistry(_images.Layout);
        registry.Instead = context =>
        {
            if (!context.Request.Url!.AbsolutePath.EndsWith("/manifests/1", StringComparison.Ordinal))
                return false;

            TestRegistry.Send(context, registry.Blob(top)!);
            return true;
        };

        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => registry.PullAsync(_images.StoreDirectory, ct: TestContext.Current.CancellationToken));

        Assert.Contains("has manifests and layers and config", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(registry.Requests, request => request.Contains("/blobs/", StringComparison.Ordinal));
        Assert.Empty(ImageStore.Open(_images.StoreDirectory).Names());
    }

    [Theory]
    [InlineData("/manifests/1", Manifest.OciIndex)]
    [InlineData("/manifests/sha256:", Manifest.OciIndex)]
    public async Task A_response_whose_media_type_contradicts_its_content_is_refused(string path, string mediaType)
    {
        using var images = new TestImages().Add("docker.io/t/a:1", new TestLayer().File("a"));
        if (path.EndsWith("sha256:", StringComparison.Ordinal))
            images.AsIndex("docker.io/t/a:1", "amd64");
        using var registry = new TestRegistry(images.Layout);
        registry.Instead = context =>
        {
            if (context.Request.Url!.AbsolutePath.Contains(path, StringComparison.Ordinal))
                context.Response.ContentType = mediaType;
            return false;
        };

        Assert.Contains(
            $"is an image manifest by its content and {mediaType} by its media type",
            (await Assert.ThrowsAsync<LinuxKitException>(() => registry.PullAsync(images.StoreDirectory, ct: TestContext.Current.CancellationToken))).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task An_ambiguous_manifest_is_not_loaded(bool belowAnIndex, bool fromArchive)
    {
        var top = Ambiguous(belowAnIndex);
        await PointToAsync(top, belowAnIndex ? Manifest.OciIndex : Manifest.OciManifest);

        Assert.Contains("has manifests and layers and config", await LoadFaultAsync(fromArchive), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/vnd.oci.image.layer.v1.tar+gzip", false)]
    [InlineData(Manifest.OciIndex, false)]
    [InlineData(Manifest.OciIndex, true)]
    public async Task A_manifest_that_its_descriptor_calls_something_else_is_not_loaded(string mediaType, bool fromArchive)
    {
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_images.Layout, "index.json"), TestContext.Current.CancellationToken))!["manifests"]![0]!;
        await PointToAsync((string)manifest["digest"]!, mediaType);

        Assert.Contains($"is an image manifest by its content and {mediaType} by its media type", await LoadFaultAsync(fromArchive), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_index_of_a_layout_that_has_layers_too_is_not_loaded(bool fromArchive)
    {
        var file = Path.Combine(_images.Layout, "index.json");
        var index = JsonNode.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!.AsObject();
        index["layers"] = new JsonArray();
        await File.WriteAllTextAsync(file, index.ToJsonString(), TestContext.Current.CancellationToken);

        Assert.Contains("index.json has manifests and layers", await LoadFaultAsync(fromArchive), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_ambiguous_manifest_in_the_store_is_not_used(bool belowAnIndex)
    {
        var store = ImageStore.Open(_images.StoreDirectory);
        var digest = Ambiguous(belowAnIndex);
        foreach (var blob in Directory.EnumerateFiles(Path.Combine(_images.Layout, "blobs", "sha256")))
            File.Copy(blob, store.BlobPath($"sha256:{Path.GetFileName(blob)}"));
        var top = new Descriptor("", digest, new FileInfo(store.BlobPath(digest)).Length);
        await store.NameAsync("docker.io/t/a:1", top, TestContext.Current.CancellationToken);

        Assert.Contains("docker.io/t/a:1 has manifests and layers", Assert.Throws<LinuxKitException>(() => store.Find(ImageReference.Parse("t/a:1"), "amd64")).Message, StringComparison.Ordinal);
        Assert.Null(new StorePruner(store).TryBlobs(top));
    }

    [Fact]
    public async Task A_layer_that_its_descriptor_calls_a_manifest_is_not_read_as_one()
    {
        var manifest = Stored((string)JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_images.Layout, "index.json"), TestContext.Current.CancellationToken))!["manifests"]![0]!["digest"]!);
        manifest["layers"]![0]!["mediaType"] = Manifest.OciManifest;
        await PointToAsync(Put(manifest), Manifest.OciManifest);
        var store = ImageStore.Open(_images.StoreDirectory);

        Assert.Equal(["docker.io/t/a:1"], await new ImageLoader(store).LoadAsync(_images.Layout, null, TestContext.Current.CancellationToken));
        Assert.NotNull(store.Find(ImageReference.Parse("t/a:1"), "amd64"));
    }

    public void Dispose() => _images.Dispose();

    // An image's manifest that has manifests as well, or an index that points to one.
    private string Ambiguous(bool belowAnIndex)
    {
        var own = JsonNode.Parse(File.ReadAllText(Path.Combine(_images.Layout, "index.json")))!["manifests"]![0]!;
        var both = Stored((string)own["digest"]!);
        both["manifests"] = new JsonArray(new JsonObject { ["mediaType"] = Manifest.OciManifest, ["digest"] = (string)own["digest"]!, ["size"] = own["size"]!.DeepClone(), ["platform"] = Amd64() });
        both.Remove("mediaType");
        var digest = Put(both);
        return belowAnIndex
            ? Put(new() { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(new JsonObject { ["mediaType"] = Manifest.OciManifest, ["digest"] = digest, ["size"] = Length(digest), ["platform"] = Amd64() }) })
            : digest;
    }

    private static JsonObject Amd64() => new() { ["os"] = "linux", ["architecture"] = "amd64" };

    private JsonObject Stored(string digest) => JsonNode.Parse(File.ReadAllText(BlobFile(digest)))!.AsObject();

    private string Put(JsonObject document)
    {
        var content = Encoding.UTF8.GetBytes(document.ToJsonString());
        var digest = TestImages.Digest(content);
        File.WriteAllBytes(BlobFile(digest), content);
        return digest;
    }

    private long Length(string digest) => new FileInfo(BlobFile(digest)).Length;

    private string BlobFile(string digest) => Path.Combine(_images.Layout, "blobs", "sha256", digest[7..]);

    private Task PointToAsync(string digest, string mediaType)
    {
        var descriptor = new Descriptor(mediaType, digest, Length(digest)) { Name = "docker.io/t/a:1" };
        return File.WriteAllTextAsync(Path.Combine(_images.Layout, "index.json"), new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(descriptor.ToJson()) }.ToJsonString(), TestContext.Current.CancellationToken);
    }

    private async Task<string> LoadFaultAsync(bool fromArchive)
    {
        var path = _images.Layout;
        if (fromArchive)
        {
            path = _images.Combine("oci.tar");
            await TarFile.CreateFromDirectoryAsync(_images.Layout, path, includeBaseDirectory: false, TestContext.Current.CancellationToken);
        }

        var store = ImageStore.Open(_images.StoreDirectory);
        var fault = (await Assert.ThrowsAsync<LinuxKitException>(() => new ImageLoader(store).LoadAsync(path, null, TestContext.Current.CancellationToken))).Message;
        Assert.Empty(store.Names());
        return fault;
    }
}
