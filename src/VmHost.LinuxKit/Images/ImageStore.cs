using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using VmHost.Posix;

namespace VmHost.LinuxKit.Images;

/// <summary>
/// Images on this host: an OCI image layout whose names are full ones, as LinuxKit's own cache has them. A blob is there whole or
/// not at all, whatever was killed; several builds may use it at once.
/// </summary>
internal sealed class ImageStore
{
    private readonly string _directory;

    private ImageStore(string directory) => _directory = directory;

    internal string Directory => _directory;

    /// <summary>Where downloads that were broken off go on.</summary>
    internal string PartialDirectory => Path.Combine(_directory, "ingest");

    private string IndexPath => Path.Combine(_directory, "index.json");

    private string IndexLock => Path.Combine(_directory, "index.lock");

    private string BlobDirectory => Path.Combine(_directory, "blobs", "sha256");

    /// <summary>Makes it where it is not there.</summary>
    /// <exception cref="LinuxKitException">It cannot be made or used.</exception>
    internal static ImageStore Open(string directory)
    {
        var store = new ImageStore(Path.GetFullPath(directory));
        try
        {
            System.IO.Directory.CreateDirectory(store.BlobDirectory);
            System.IO.Directory.CreateDirectory(store.PartialDirectory);
            var layout = Path.Combine(store._directory, "oci-layout");
            if (!File.Exists(layout))
                AtomicFile.ReplaceShared(layout, """{"imageLayoutVersion":"1.0.0"}"""u8);
            return store;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LinuxKitException($"the image store {directory} cannot be used: {e.Message} (choose another with --cache)", e);
        }
    }

    /// <summary>While it is held, nothing is pruned. Builds share it.</summary>
    internal Task<FileLock> UseAsync(CancellationToken ct) => SharedLock.ShareAsync(Path.Combine(_directory, "in-use.lock"), ct);

    /// <summary>Null: a build uses the store.</summary>
    internal IDisposable? TryOwn() => SharedLock.TryAcquire(Path.Combine(_directory, "in-use.lock"));

    internal string BlobPath(string digest) => Path.Combine(BlobDirectory, digest[7..]);

    internal bool HasBlob(Descriptor blob) => new FileInfo(BlobPath(blob.Digest)) is { Exists: true } file && file.Length == blob.Size;

    /// <summary>Reads a small blob whole, and compares it with its digest. A damaged one is removed, so that pulling or loading brings it again.</summary>
    /// <exception cref="LinuxKitException">It is damaged, or longer than it may be.</exception>
    internal byte[] ReadBlob(Descriptor blob, int maxBytes) =>
        TryReadBlob(blob, maxBytes) ?? throw ThrownAway(BlobPath(blob.Digest), $"the blob {blob.Digest} is not what its name says", null);

    /// <summary>Reads a small blob whole; null where it is damaged.</summary>
    /// <exception cref="LinuxKitException">It is longer than it may be.</exception>
    internal byte[]? TryReadBlob(Descriptor blob, int maxBytes)
    {
        if (blob.Size > maxBytes)
            throw TooLong(blob);

        var bytes = File.ReadAllBytes(BlobPath(blob.Digest));
        return DigestOf(bytes) == blob.Digest ? bytes : null;
    }

    internal static LinuxKitException TooLong(Descriptor blob) => new($"the blob {blob.Digest} is to be {blob.Size} bytes long; so much is no manifest or configuration");

    /// <summary>What is damaged must not stay, or pulling it again would find it there.</summary>
    internal static LinuxKitException ThrownAway(string file, string what, Exception? inner)
    {
        File.Delete(file);
        return new($"{what}: it was damaged on this disk, and is thrown away; the next build pulls it again (what came from a file: vmctl image load)", inner);
    }

    /// <summary>Keeps a small blob.</summary>
    internal string WriteBlob(ReadOnlySpan<byte> content)
    {
        var digest = DigestOf(content);
        if (!File.Exists(BlobPath(digest)) || !File.ReadAllBytes(BlobPath(digest)).AsSpan().SequenceEqual(content))
            AtomicFile.ReplaceShared(BlobPath(digest), content);
        return digest;
    }

    /// <summary>Takes over a file that was written and flushed in <see cref="PartialDirectory"/>.</summary>
    internal void Adopt(string file, string digest) => File.Move(file, BlobPath(digest), overwrite: true);

    /// <summary>All names and what they point to, by name.</summary>
    internal IReadOnlyList<Descriptor> Names() => [.. Entries().Where(one => one.Name is not null).OrderBy(one => one.Name, StringComparer.Ordinal)];

    /// <summary>All that the index points to; what other tools wrote may have no name.</summary>
    /// <exception cref="LinuxKitException">The index is damaged.</exception>
    internal IReadOnlyList<Descriptor> Entries()
    {
        if (!File.Exists(IndexPath))
            return [];

        try
        {
            var index = Manifest.Parse(File.ReadAllBytes(IndexPath), "it", Manifest.OciIndex);
            return index.Manifests;
        }
        catch (LinuxKitException e)
        {
            throw DamagedIndex(e);
        }
    }

    /// <summary>Lets a name point to an image whose blobs are all here.</summary>
    internal Task NameAsync(string name, Descriptor top, CancellationToken ct) =>
        ChangeIndexAsync(
            all =>
            {
                Remove(all, [name]);
                all.Add((JsonNode)(top with { Name = name }).ToJson());
            },
            ct);

    /// <summary>Takes names away.</summary>
    /// <returns>How many there were.</returns>
    internal async Task<int> RemoveAsync(IReadOnlyCollection<string> names, CancellationToken ct)
    {
        var removed = 0;
        await ChangeIndexAsync(all => removed = Remove(all, names), ct);
        return removed;
    }

    /// <summary>
    /// The image of that name for that processor, or null where not all of it is here. By a digest it is found under any name of its repository.
    /// </summary>
    internal Image? Find(ImageReference reference, string architecture)
    {
        var name = reference.ToString();
        var repository = $"{reference.Registry}/{reference.Repository}";
        return Names()
            .Where(top => reference.Digest is null ? top.Name == name : top.Digest == reference.Digest && IsOf(repository, top.Name!))
            .Select(top => Load(name, top, architecture))
            .FirstOrDefault(image => image is not null);
    }

    /// <summary>The image that a descriptor points to, or null where not all of it is here.</summary>
    internal Image? Load(string name, Descriptor top, string architecture)
    {
        if (!HasBlob(top))
            return null;

        var chosen = top;
        var manifest = Manifest.Parse(ReadBlob(top, Manifest.MaxBytes), name, top.MediaType);
        if (manifest.IsIndex)
        {
            chosen = manifest.ForArchitecture(architecture, name);
            if (!HasBlob(chosen))
                return null;
            manifest = Manifest.Parse(ReadBlob(chosen, Manifest.MaxBytes), name, chosen.MediaType);
        }

        if (manifest.Config is null || !HasBlob(manifest.Config) || !manifest.Layers.All(HasBlob))
            return null;

        var settings = ImageSettings.Parse(ReadBlob(manifest.Config, ImageSettings.MaxBytes), name);
        if (settings.DiffIds.Count != manifest.Layers.Count)
            throw new LinuxKitException($"{name}: its manifest has {manifest.Layers.Count} layers and its configuration {settings.DiffIds.Count}");
        if (settings.Architecture.Length > 0 && settings.Architecture != architecture)
            throw new LinuxKitException($"{name} is for {settings.Architecture}, and {architecture} is built for (see --arch)");

        return new(name, top, chosen, settings, [.. manifest.Layers.Zip(settings.DiffIds, (layer, diffId) => new LayerBlob(layer, diffId, BlobPath(layer.Digest)))])
        {
            Blobs = [.. new[] { chosen, manifest.Config }.Concat(manifest.Layers).Select(blob => blob.Digest).Distinct(StringComparer.Ordinal).Select(digest => (digest, BlobPath(digest)))],
        };
    }

    /// <summary>When an image was built from, for what to prune first.</summary>
    internal void Touch(Image image) => File.SetLastWriteTimeUtc(BlobPath(image.Top.Digest), TimeProvider.System.GetUtcNow().UtcDateTime);

    internal static string DigestOf(ReadOnlySpan<byte> content) => DigestText(SHA256.HashData(content));

    internal static string DigestText(ReadOnlySpan<byte> hash) => $"sha256:{Convert.ToHexStringLower(hash)}";

    /// <summary>Removes what a killed process left beside the index.</summary>
    /// <returns>Freed bytes.</returns>
    internal async Task<long> SweepAsync(CancellationToken ct)
    {
        // Whoever writes the index has this lock.
        using (await SharedLock.AcquireAsync(IndexLock, ct))
            return AtomicFile.RemoveLeftOvers(IndexPath);
    }

    private static bool IsOf(string repository, string name) =>
        name.StartsWith(repository, StringComparison.Ordinal) && name.AsSpan(repository.Length) is ['@' or ':', ..];

    private static int Remove(JsonArray all, IReadOnlyCollection<string> names)
    {
        var gone = all.Where(one => Descriptor.NameOf(one) is { } name && names.Contains(name)).ToList();
        gone.ForEach(one => all.Remove(one));
        return gone.Count;
    }

    // What other tools wrote into it stays as it is.
    private async Task ChangeIndexAsync(Action<JsonArray> change, CancellationToken ct)
    {
        using (await SharedLock.AcquireAsync(IndexLock, ct))
        {
            Entries(); // throws where it is damaged
            var index = File.Exists(IndexPath) ? JsonNode.Parse(await File.ReadAllBytesAsync(IndexPath, ct)) as JsonObject : null;
            index ??= new() { ["schemaVersion"] = 2, ["mediaType"] = Manifest.OciIndex };
            try
            {
                var manifests = index["manifests"] as JsonArray ?? [];
                change(manifests);
                if (manifests.Parent is null)
                    index["manifests"] = manifests;
            }
            catch (ArgumentException e)
            {
                throw DamagedIndex(e); // a key stands in it twice
            }

            AtomicFile.ReplaceShared(IndexPath, Encoding.UTF8.GetBytes(index.ToString()));
        }
    }

    private LinuxKitException DamagedIndex(Exception e) =>
        new($"{IndexPath} is damaged: {e.Message}; remove it, and pull or load your images again: what is here of them need not come again", e);
}
