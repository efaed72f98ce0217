using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VmHost.LinuxKit.Images;

/// <summary>
/// Brings images from files into the store: OCI layouts (a directory, or a tar of one) and what <c>docker save</c> writes. Each blob is compared with its digest.
/// </summary>
/// <param name="store">Where they go.</param>
internal sealed class ImageLoader(ImageStore store)
{
    private const int Unbuffered = 0;
    private const string OciLayerType = "application/vnd.oci.image.layer.v1.tar";
    private const string OciConfigType = "application/vnd.oci.image.config.v1+json";

    /// <param name="path">A directory or a tar.</param>
    /// <param name="name">What the image is called, where there is just one; null: as it says itself.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>Full names.</returns>
    /// <exception cref="LinuxKitException">It holds no image, or a broken one.</exception>
    internal async Task<IReadOnlyList<string>> LoadAsync(string path, string? name, CancellationToken ct)
    {
        try
        {
            if (!Directory.Exists(path))
                return await LoadArchiveAsync(path, name, ct);

            var index = Path.Combine(path, "index.json");
            if (!File.Exists(index))
                throw new LinuxKitException($"{path} is no OCI layout: there is no index.json in it");

            var named = Named(Manifest.Parse(await File.ReadAllBytesAsync(index, ct), index), name, path);
            foreach (var (_, top) in named)
                await TakeAsync(top, blob => Path.Combine(path, "blobs", "sha256", blob.Digest[7..]) is var file && File.Exists(file) ? File.OpenRead(file) : null, path, ct);
            return await NameAsync(named, ct);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or InvalidOperationException or FormatException or JsonException)
        {
            throw new LinuxKitException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    // Blobs may come in any order, and before what names them: each goes into the store, and what nobody names is pruned one day.
    private async Task<IReadOnlyList<string>> LoadArchiveAsync(string path, string? name, CancellationToken ct)
    {
        byte[]? index = null, docker = null;
        var files = new Dictionary<string, Descriptor>(StringComparer.Ordinal);
        var links = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var file = File.OpenRead(path);
        await using var tar = new TarReader(file);
        while (await tar.GetNextEntryAsync(copyData: false, ct) is { } entry)
        {
            var entryName = EntryPath.Clean(entry.Name) ?? throw new LinuxKitException($"{path}: the entry {entry.Name} leads out of the archive");
            if (entry.EntryType is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                links[entryName] = entry.EntryType == TarEntryType.HardLink ? entry.LinkName : $"{EntryPath.Parent(entryName)}/{entry.LinkName}";
            if (entry.DataStream is not { } data)
                continue;

            if (entryName is "index.json" or "manifest.json")
                _ = entryName == "index.json" ? index = await SmallAsync(data, path, ct) : docker = await SmallAsync(data, path, ct);
            else
                files[entryName] = await KeepAsync(data, ct);
        }

        if (index is not null)
        {
            var named = Named(Manifest.Parse(index, $"{path}: index.json"), name, path);
            foreach (var (_, top) in named)
                await TakeAsync(top, _ => null, path, ct);
            return await NameAsync(named, ct);
        }

        return docker is null
            ? throw new LinuxKitException($"{path}: holds neither an OCI layout (index.json) nor docker's images (manifest.json)")
            : await NameAsync(DockerImages(docker, name, path, Resolve), ct);

        Descriptor Resolve(string entryName)
        {
            var clean = EntryPath.Clean(entryName) ?? entryName;
            if (links.TryGetValue(clean, out var target))
                clean = Normalise(target);
            return files.TryGetValue(clean, out var found) ? found : throw new LinuxKitException($"{path}: lacks {entryName}, which its manifest.json names");
        }
    }

    private List<(string Name, Descriptor Top)> DockerImages(byte[] manifests, string? name, string path, Func<string, Descriptor> resolve)
    {
        using var document = JsonDocument.Parse(manifests);
        var images = new List<(string, Descriptor)>();
        foreach (var image in document.RootElement.EnumerateArray())
        {
            var config = resolve(Descriptor.Text(image, "Config") ?? throw new LinuxKitException($"{path}: manifest.json names no Config"));
            if (!image.TryGetProperty("Layers", out var listed))
                throw new LinuxKitException($"{path}: manifest.json names no Layers");

            var layers = listed.EnumerateArray().Select(layer => WithLayerType(resolve(layer.GetString() ?? "")));
            var manifest = new JsonObject
            {
                ["schemaVersion"] = 2,
                ["mediaType"] = Manifest.OciManifest,
                ["config"] = (config with { MediaType = OciConfigType }).ToJson(),
                ["layers"] = new JsonArray([.. layers.Select(layer => (JsonNode)layer.ToJson())]),
            };
            var bytes = System.Text.Encoding.UTF8.GetBytes(manifest.ToJsonString());
            var top = new Descriptor(Manifest.OciManifest, store.WriteBlob(bytes), bytes.Length);
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
    private Descriptor WithLayerType(Descriptor layer)
    {
        Span<byte> magic = stackalloc byte[4];
        using var file = File.OpenRead(store.BlobPath(layer.Digest));
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
        if (!index.IsIndex || index.Manifests.Count == 0)
            throw new LinuxKitException($"{path}: its index.json names no image");
        if (name is not null)
            return index.Manifests is [var only] ? [(FullName(name), only)] : throw new LinuxKitException($"{path}: holds {index.Manifests.Count} images, so that --name fits none of them");

        return [.. index.Manifests.Select(one => one.Name is { } own && (own.Contains('/', StringComparison.Ordinal) || own.Contains(':', StringComparison.Ordinal))
            ? (FullName(own), one)
            : throw new LinuxKitException($"{path}: calls its image '{one.Name}', which is no full name; give it one with --name"))];
    }

    private async Task TakeAsync(Descriptor top, Func<Descriptor, Stream?> open, string path, CancellationToken ct)
    {
        if (!await CopyAsync(top, open, path, ct))
            throw new LinuxKitException($"{path}: lacks blobs of {top.Name ?? top.Digest}, for every platform that it names");
    }

    // False: not all of it is there. Of an image for several platforms one is enough, and all that most tools keep.
    private async Task<bool> CopyAsync(Descriptor blob, Func<Descriptor, Stream?> open, string path, CancellationToken ct)
    {
        if (!store.HasBlob(blob))
        {
            await using var source = open(blob);
            if (source is null)
                return false;

            var kept = await KeepAsync(source, ct);
            if (kept.Digest != blob.Digest || kept.Size != blob.Size)
                throw new LinuxKitException($"{path}: the blob {blob.Digest} is damaged: its content is {kept.Digest}, {kept.Size} bytes");
        }

        if (!IsManifest(blob))
            return true;

        var manifest = Manifest.Parse(store.ReadBlob(blob, Manifest.MaxBytes), blob.Digest);
        var complete = 0;
        var below = manifest.IsIndex ? manifest.Manifests : [.. manifest.Layers, manifest.Config!];
        foreach (var one in below)
            complete += await CopyAsync(one, open, path, ct) ? 1 : 0;
        return manifest.IsIndex ? complete > 0 : complete == below.Count;
    }

    private static bool IsManifest(Descriptor blob) =>
        blob.MediaType.Contains("manifest", StringComparison.Ordinal) || blob.MediaType.Contains("image.index", StringComparison.Ordinal);

    private async Task<Descriptor> KeepAsync(Stream content, CancellationToken ct)
    {
        var temporary = Path.Combine(store.PartialDirectory, $"{Guid.NewGuid():N}.new");
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long size;
            await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.Read, Unbuffered))
            {
                var buffer = new byte[256 << 10];
                while (await content.ReadAsync(buffer, ct) is > 0 and var count)
                {
                    hash.AppendData(buffer, 0, count);
                    await file.WriteAsync(buffer.AsMemory(0, count), ct);
                }

                RandomAccess.FlushToDisk(file.SafeFileHandle);
                size = file.Position;
            }

            var digest = ImageStore.DigestText(hash.GetHashAndReset());
            store.Adopt(temporary, digest);
            return new("", digest, size);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private async Task<IReadOnlyList<string>> NameAsync(IReadOnlyList<(string Name, Descriptor Top)> images, CancellationToken ct)
    {
        foreach (var (name, top) in images)
            await store.NameAsync(name, top, ct);
        return [.. images.Select(image => image.Name)];
    }

    private static async Task<byte[]> SmallAsync(Stream data, string path, CancellationToken ct)
    {
        if (data.Length > Manifest.MaxBytes)
            throw new LinuxKitException($"{path}: its index is longer than {Manifest.MaxBytes} bytes");

        var bytes = new byte[data.Length];
        await data.ReadExactlyAsync(bytes, ct);
        return bytes;
    }

    private static string FullName(string name) => ImageReference.Parse(name).ToString();

    // Of a link's path, which may go up and down again.
    private static string Normalise(string path)
    {
        var parts = new List<string>();
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
            else if (part is not ("." or ".."))
                parts.Add(part);
        }

        return string.Join('/', parts);
    }
}
