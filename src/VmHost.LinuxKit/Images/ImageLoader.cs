using System.Text.Json;
using System.Text.Json.Nodes;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Images;

/// <summary>
/// Brings images from files into the store: OCI layouts (a directory, or a tar of one) and what <c>docker save</c> writes. Each blob is compared with its digest.
/// </summary>
/// <param name="store">Where they go.</param>
internal sealed class ImageLoader(ImageStore store)
{
    private const string OciLayerType = "application/vnd.oci.image.layer.v1.tar";
    private const string OciConfigType = "application/vnd.oci.image.config.v1+json";

    /// <param name="path">A directory, or a tar, which may be packed with gzip or zstd.</param>
    /// <param name="name">What the image is called, where there is just one; null: as it says itself.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>Full names.</returns>
    /// <exception cref="LinuxKitException">It holds no image, or a broken one: then the store is as it was.</exception>
    internal async Task<IReadOnlyList<string>> LoadAsync(string path, string? name, CancellationToken ct)
    {
        // A damaged store is told before anything is copied.
        store.Entries();
        using var staging = new BlobStaging(store);
        try
        {
            return Directory.Exists(path) ? await LoadLayoutAsync(path, name, staging, ct) : await LoadArchiveAsync(path, name, staging, ct);
        }
        catch (Exception e) when (TarEntries.IsDamage(e) || e is UnauthorizedAccessException or JsonException)
        {
            throw new LinuxKitException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private async Task<IReadOnlyList<string>> LoadLayoutAsync(string path, string? name, BlobStaging staging, CancellationToken ct)
    {
        var index = Path.Combine(path, "index.json");
        if (!File.Exists(index))
            throw new LinuxKitException($"{path} is no OCI layout: there is no index.json in it");

        var named = Named(Manifest.Parse(await File.ReadAllBytesAsync(index, ct), index, Manifest.OciIndex), name, path);
        return await TakeAsync(named, staging, blob => Path.Combine(path, "blobs", "sha256", blob.Digest[7..]) is var file && File.Exists(file) ? File.OpenRead(file) : null, path, ct);
    }

    private async Task<IReadOnlyList<string>> LoadArchiveAsync(string path, string? name, BlobStaging staging, CancellationToken ct)
    {
        var archive = await ImageArchive.ReadAsync(path, staging, ct);
        if (archive.Index is not null)
            return await TakeAsync(Named(Manifest.Parse(archive.Index, $"{path}: index.json", Manifest.OciIndex), name, path), staging, _ => null, path, ct);
        if (archive.DockerManifest is null)
            throw new LinuxKitException($"{path}: holds neither an OCI layout (index.json) nor docker's images (manifest.json)");

        var images = await DockerImagesAsync(archive, archive.DockerManifest, name, path, staging, ct);
        return await TakeAsync(images, staging, _ => null, path, ct);
    }

    private static async Task<List<(string Name, Descriptor Top)>> DockerImagesAsync(ImageArchive archive, byte[] manifests, string? name, string path, BlobStaging staging, CancellationToken ct)
    {
        using var document = JsonDocument.Parse(manifests);
        var images = new List<(string, Descriptor)>();
        foreach (var image in document.RootElement.EnumerateArray())
        {
            var config = archive.Resolve(Descriptor.Text(image, "Config") ?? throw new LinuxKitException($"{path}: manifest.json names no Config"));
            if (!image.TryGetProperty("Layers", out var listed))
                throw new LinuxKitException($"{path}: manifest.json names no Layers");

            var layers = listed.EnumerateArray().Select(layer => WithLayerType(archive.Resolve(layer.GetString() ?? ""), staging));
            var manifest = new JsonObject
            {
                ["schemaVersion"] = 2,
                ["mediaType"] = Manifest.OciManifest,
                ["config"] = (config with { MediaType = OciConfigType }).ToJson(),
                ["layers"] = new JsonArray([.. layers.Select(layer => (JsonNode)layer.ToJson())]),
            };
            using var bytes = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(manifest.ToJsonString()));
            var top = await staging.KeepAsync(bytes, ct) with { MediaType = Manifest.OciManifest };
            var tags = image.TryGetProperty("RepoTags", out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray().Select(tag => tag.GetString()).OfType<string>().ToList() : [];
            if (name is not null)
                images.Add((FullName(name), top));
            else if (tags.Count > 0)
                images.AddRange(tags.Select(tag => (FullName(tag), top)));
            else
                throw new LinuxKitException($"{path}: the image in it has no name; give it one with --name");
        }

        return images.Count < 2 || name is null ? images : throw new LinuxKitException($"{path}: holds {images.Count} images, so that --name fits none of them");
    }

    // Docker's manifest does not say how a layer is packed, and other tools go by what ours says.
    private static Descriptor WithLayerType(Descriptor layer, BlobStaging staging)
    {
        Span<byte> magic = stackalloc byte[4];
        using var file = File.OpenRead(staging.FileOf(layer.Digest));
        var read = file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false);
        return layer with
        {
            MediaType = OciLayerType + magic[..read] switch
            {
                [0x1F, 0x8B, ..] => "+gzip",
                [0x28, 0xB5, 0x2F, 0xFD] => "+zstd",
                _ => "",
            },
        };
    }

    private static List<(string Name, Descriptor Top)> Named(Manifest index, string? name, string path)
    {
        if (index.Manifests.Count == 0)
            throw new LinuxKitException($"{path}: its index.json names no image");
        if (name is not null)
            return index.Manifests is [var only] ? [(FullName(name), only)] : throw new LinuxKitException($"{path}: holds {index.Manifests.Count} images, so that --name fits none of them");

        return [.. index.Manifests.Select(one => one.Name is { } own && (own.Contains('/', StringComparison.Ordinal) || own.Contains(':', StringComparison.Ordinal))
            ? (FullName(own), one)
            : throw new LinuxKitException($"{path}: calls its image '{one.Name}', which is no full name; give it one with --name"))];
    }

    // Into the store when all of all images is there.
    private async Task<IReadOnlyList<string>> TakeAsync(IReadOnlyList<(string Name, Descriptor Top)> images, BlobStaging staging, Func<Descriptor, Stream?> open, string path, CancellationToken ct)
    {
        var wanted = new List<string>();
        foreach (var (name, top) in images)
        {
            if (!await CollectAsync(top, isManifest: true, staging, open, wanted, path, ct))
                throw new LinuxKitException($"{path}: lacks blobs of {name}, for every platform that it names");
        }

        staging.Publish(wanted);
        foreach (var (name, top) in images)
            await store.NameAsync(name, top, ct);
        return [.. images.Select(image => image.Name)];
    }

    // False: not all of it is there. Of an image for several platforms one is enough, and all that most tools keep.
    private static async Task<bool> CollectAsync(Descriptor blob, bool isManifest, BlobStaging staging, Func<Descriptor, Stream?> open, List<string> wanted, string path, CancellationToken ct)
    {
        if (!staging.Has(blob))
        {
            await using var source = open(blob);
            if (source is null)
                return false;

            var kept = await staging.KeepAsync(source, ct);
            if (kept.Digest != blob.Digest || kept.Size != blob.Size)
                throw new LinuxKitException($"{path}: the blob {blob.Digest} is damaged: its content is {kept.Digest}, {kept.Size} bytes");
        }

        wanted.Add(blob.Digest);
        if (!isManifest)
            return true;

        var manifest = Manifest.Parse(staging.Read(blob, Manifest.MaxBytes), blob.Digest, blob.MediaType);
        var complete = 0;
        var below = manifest.IsIndex ? manifest.Manifests : [.. manifest.Layers, manifest.Config!];

        // The place decides, not the media type alone: a layer is never a manifest, whatever its descriptor states.
        foreach (var one in below)
            complete += await CollectAsync(one, manifest.IsIndex && Manifest.IsManifestType(one.MediaType), staging, open, wanted, path, ct) ? 1 : 0;
        return manifest.IsIndex ? complete > 0 : complete == below.Count;
    }

    private static string FullName(string name) => ImageReference.Parse(name).ToString();
}
