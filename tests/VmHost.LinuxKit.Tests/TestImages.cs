using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using VmHost.LinuxKit.Images;
using VmHost.TestKit;

namespace VmHost.LinuxKit.Tests;

/// <summary>An OCI layout on the disk with images made by tests, which the product loads as anybody's.</summary>
internal sealed class TestImages : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly JsonArray _manifests = [];

    internal string Layout => _directory.Combine("oci");

    internal string StoreDirectory => _directory.Combine("store");

    internal string Combine(string name) => _directory.Combine(name);

    /// <summary>Adds an image; layers as they are stored, the lowest first, with what they are when unpacked.</summary>
    internal TestImages Add(string name, JsonObject config, params IReadOnlyList<(byte[] Stored, byte[] Unpacked)> layers) => Add("amd64", name, config, layers);

    internal TestImages Add(string architecture, string name, JsonObject config, IReadOnlyList<(byte[] Stored, byte[] Unpacked)> layers)
    {
        Directory.CreateDirectory(Path.Combine(Layout, "blobs", "sha256"));
        var settings = new JsonObject
        {
            ["architecture"] = architecture,
            ["os"] = "linux",
            ["config"] = config,
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray([.. layers.Select(layer => (JsonNode)Digest(layer.Unpacked))]) },
        };
        var manifest = new JsonObject
        {
            ["schemaVersion"] = 2,
            ["mediaType"] = Manifest.OciManifest,
            ["config"] = Put(Encoding.UTF8.GetBytes(settings.ToJsonString()), "application/vnd.oci.image.config.v1+json"),
            ["layers"] = new JsonArray([.. layers.Select(layer => (JsonNode)Put(layer.Stored, "application/vnd.oci.image.layer.v1.tar+gzip"))]),
        };
        var descriptor = Put(Encoding.UTF8.GetBytes(manifest.ToJsonString()), Manifest.OciManifest);
        descriptor["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = name };
        _manifests.Add(descriptor);
        WriteIndex();
        return this;
    }

    internal TestImages Add(string name, params IReadOnlyList<TestLayer> layers) => Add(name, [], layers);

    internal TestImages Add(string name, JsonObject config, params IReadOnlyList<TestLayer> layers) =>
        Add(name, config, [.. layers.Select(layer => layer.Tar()).Select(tar => (TestLayer.Gzip(tar), tar))]);

    /// <summary>Lets a name mean another image.</summary>
    internal void Replace(string name, params IReadOnlyList<TestLayer> layers)
    {
        foreach (var old in _manifests.Where(one => Descriptor.NameOf(one) == name).ToList())
            _manifests.Remove(old);
        Add(name, layers);
    }

    /// <summary>Puts the images that were added so far under one name, each for another processor, as buildx does: with an attestation before them.</summary>
    internal TestImages AsIndex(string name, params IReadOnlyList<string> architectures)
    {
        var manifests = _manifests.Select((manifest, i) => (JsonNode)new JsonObject
        {
            ["mediaType"] = Manifest.OciManifest,
            ["digest"] = (string)manifest!["digest"]!,
            ["size"] = manifest["size"]!.DeepClone(),
            ["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = architectures[i] },
        });
        var attestation = new JsonObject
        {
            ["mediaType"] = Manifest.OciManifest,
            ["digest"] = Digest("nothing"u8.ToArray()),
            ["size"] = 7,
            ["platform"] = new JsonObject { ["os"] = "unknown", ["architecture"] = "unknown" },
        };
        var index = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = Manifest.OciIndex, ["manifests"] = new JsonArray([attestation, .. manifests]) };
        var descriptor = Put(Encoding.UTF8.GetBytes(index.ToJsonString()), Manifest.OciIndex);
        descriptor["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = name };
        _manifests.Clear();
        _manifests.Add(descriptor);
        WriteIndex();
        return this;
    }

    internal async Task<ImageStore> LoadAsync()
    {
        var store = ImageStore.Open(StoreDirectory);
        await new ImageLoader(store).LoadAsync(Layout, null, CancellationToken.None);
        return store;
    }

    internal async Task<Image> LoadAsync(string name) => (await LoadAsync()).Find(ImageReference.Parse(name), "amd64")!;

    public void Dispose() => _directory.Dispose();

    internal static string Digest(byte[] content) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(content))}";

    private void WriteIndex()
    {
        File.WriteAllText(Path.Combine(Layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(Path.Combine(Layout, "index.json"), new JsonObject { ["schemaVersion"] = 2, ["manifests"] = _manifests.DeepClone() }.ToJsonString());
    }

    private JsonObject Put(byte[] content, string mediaType)
    {
        File.WriteAllBytes(Path.Combine(Layout, "blobs", "sha256", Digest(content)[7..]), content);
        return new() { ["mediaType"] = mediaType, ["digest"] = Digest(content), ["size"] = content.Length };
    }
}
