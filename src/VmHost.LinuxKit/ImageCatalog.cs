using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Registries;

namespace VmHost.LinuxKit;

/// <summary>The images that are kept on this host for builds.</summary>
public sealed class ImageCatalog
{
    private readonly ImageStore _store;

    /// <param name="directory">Where they are kept; made where it is not there.</param>
    /// <exception cref="LinuxKitException">It cannot be used.</exception>
    public ImageCatalog(string directory) => _store = ImageStore.Open(directory);

    /// <summary>All of them, by name.</summary>
    public IReadOnlyList<KeptImage> List()
    {
        var pruner = new StorePruner(_store);
        return [.. _store.Names().Select(top =>
        {
            var blobs = pruner.TryBlobs(top);
            return new KeptImage(top.Name!, top.Digest, blobs?.Sum(blob => blob.Size) ?? 0, blobs?.Count > 0 ? new DateTimeOffset(File.GetLastWriteTimeUtc(_store.BlobPath(top.Digest))) : null) { IsDamaged = blobs is null };
        })];
    }

    /// <summary>Brings an image from its registry, also where one of that name is here.</summary>
    /// <param name="name">As in a YAML.</param>
    /// <param name="architecture">In Go's words.</param>
    /// <param name="mirrors">Other places to ask.</param>
    /// <param name="progress">Hears of bytes.</param>
    /// <param name="ct">Ends it; the next try goes on from there.</param>
    /// <exception cref="LinuxKitException">It cannot be had.</exception>
    public async Task<BuiltFrom> PullAsync(string name, string architecture, IReadOnlyList<string> mirrors, IBuildProgress progress, CancellationToken ct)
    {
        using var inUse = await _store.UseAsync(ct);
        using var registries = new RegistryClient(Mirrors.Parse(mirrors), Credentials.OfUser(), TimeProvider.System);
        using var puller = new ImagePuller(_store, registries, progress);
        var image = await puller.PullAsync(ImageReference.Parse(name), architecture, ct);
        return new(image.Name, image.Top.Digest);
    }

    /// <summary>Brings images from an OCI layout (a directory or a tar) or a file that <c>docker save</c> wrote.</summary>
    /// <param name="path">Of it.</param>
    /// <param name="name">What the one image in it is called; null: as it says.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>Full names.</returns>
    /// <exception cref="LinuxKitException">It holds no image, or a damaged one.</exception>
    public async Task<IReadOnlyList<string>> LoadAsync(string path, string? name, CancellationToken ct)
    {
        using var inUse = await _store.UseAsync(ct);
        return await new ImageLoader(_store).LoadAsync(path, name, ct);
    }

    /// <summary>Takes a name away; its blobs go with the next <see cref="PruneAsync"/>.</summary>
    /// <param name="name">As in a YAML.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>The full name, or null where there was none.</returns>
    public async Task<string?> RemoveAsync(string name, CancellationToken ct)
    {
        var full = ImageReference.Parse(name).ToString();
        return await _store.RemoveAsync([full], ct) > 0 ? full : null;
    }

    /// <summary>Removes blobs that no name needs, and names that were not built from for longest.</summary>
    /// <param name="maxBytes">What may stay; null: all names.</param>
    /// <param name="ct">Ends it.</param>
    /// <returns>What went, or null where a build uses the store.</returns>
    public async Task<(IReadOnlyList<string> Names, long FreedBytes)?> PruneAsync(long? maxBytes, CancellationToken ct) =>
        await new StorePruner(_store).PruneAsync(maxBytes, ct) is { } pruned ? (pruned.Names, pruned.FreedBytes) : null;
}

/// <param name="Name">Full.</param>
/// <param name="Digest">Of what it points to.</param>
/// <param name="Bytes">Of its blobs that are here, also where others have them too.</param>
/// <param name="LastUse">When it was pulled or built from; null: nothing of it is here.</param>
public sealed record KeptImage(string Name, string Digest, long Bytes, DateTimeOffset? LastUse)
{
    /// <summary>Its manifest is not what it was: pull or load it again. Pruning removes it.</summary>
    public bool IsDamaged { get; init; }
}
