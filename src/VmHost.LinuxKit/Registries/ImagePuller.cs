using System.Buffers;
using System.Security.Cryptography;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Registries;

/// <summary>Brings images from registries into the store: layers beside each other, each compared with its digest before it counts.</summary>
/// <param name="store">Where they go.</param>
/// <param name="registries">Where they come from.</param>
/// <param name="progress">Hears of bytes.</param>
internal sealed class ImagePuller(ImageStore store, RegistryClient registries, IBuildProgress progress) : IDisposable
{
    private const int Beside = 4;

    // What a registry gets asked for at the same time, over all images.
    private readonly SemaphoreSlim _turns = new(Beside, Beside);

    /// <summary>Pulls one image for one processor, and names it.</summary>
    /// <exception cref="LinuxKitException">It cannot be had.</exception>
    internal async Task<Image> PullAsync(ImageReference reference, string architecture, CancellationToken ct) =>
        await CompleteAsync(await FindAsync(reference, architecture, ct), ct);

    /// <summary>Asks what an image consists of. The little that says so is kept.</summary>
    /// <exception cref="LinuxKitException">There is no such image, or none for that processor.</exception>
    internal async Task<FoundImage> FindAsync(ImageReference reference, string architecture, CancellationToken ct)
    {
        var name = reference.ToString();
        var (content, mediaType) = await registries.GetManifestAsync(reference, reference.Version, ct);
        var manifest = Manifest.Parse(content, name, mediaType);
        var top = new Descriptor(mediaType.Length > 0 ? mediaType : manifest.IsIndex ? Manifest.OciIndex : Manifest.OciManifest, store.WriteBlob(content), content.Length);
        if (manifest.IsIndex)
        {
            var chosen = manifest.ForArchitecture(architecture, name);
            (content, mediaType) = await registries.GetManifestAsync(reference, chosen.Digest, ct);
            manifest = Manifest.Parse(content, name, mediaType, chosen.MediaType);
            store.WriteBlob(content);
        }

        return manifest.Config is null
            ? throw new LinuxKitException($"{name}: the index points to another index, and not to an image")
            : new(reference, architecture, top, [.. manifest.Layers.Append(manifest.Config).DistinctBy(blob => blob.Digest)]);
    }

    /// <summary>Brings what is missing of an image, and names it.</summary>
    /// <exception cref="LinuxKitException">It cannot be had.</exception>
    internal async Task<Image> CompleteAsync(FoundImage found, CancellationToken ct)
    {
        // How much is to come is known before its first byte.
        var name = found.Reference.ToString();
        var missing = found.Blobs.Where(blob => !store.HasBlob(blob)).ToList();
        foreach (var blob in missing)
            progress.Pulled(new(name, blob.Digest, 0, blob.Size));

        // The first that fails ends the others: the image is not to be had.
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAll(missing.Select(async blob =>
        {
            try
            {
                await FetchAsync(found.Reference, blob, failed.Token);
            }
            catch (LinuxKitException)
            {
                await failed.CancelAsync();
                throw;
            }
        }));
        await store.NameAsync(name, found.Top, ct);
        return store.Load(name, found.Top, found.Architecture)
            ?? throw new LinuxKitException($"{name} was pulled and is not in {store.Directory}: was it pruned meanwhile?");
    }

    public void Dispose() => _turns.Dispose();

    private async Task FetchAsync(ImageReference reference, Descriptor blob, CancellationToken ct)
    {
        if (store.HasBlob(blob))
            return;

        await _turns.WaitAsync(ct);
        try
        {
            // Another build may pull the same: who comes second finds it done.
            using var alone = await SharedLock.AcquireAsync(Partial(blob) + ".lock", ct);
            if (store.HasBlob(blob))
                return;

            await registries.GetBlobAsync(reference, blob, () => Kept(blob), (content, resumed, token) => KeepAsync(reference, blob, content, resumed, token), ct);
            Verify(reference, blob);
            store.Adopt(Partial(blob), blob.Digest);
            // Whoever still waits for this very file finds the blob in the store.
            File.Delete(Partial(blob) + ".lock");
            progress.Pulled(new(reference.ToString(), blob.Digest, blob.Size, blob.Size));
        }
        finally
        {
            _turns.Release();
        }
    }

    private string Partial(Descriptor blob) => Path.Combine(store.PartialDirectory, blob.Digest[7..]);

    private long Kept(Descriptor blob) => new FileInfo(Partial(blob)) is { Exists: true } file && file.Length < blob.Size ? file.Length : 0;

    private async Task KeepAsync(ImageReference reference, Descriptor blob, Stream content, bool resumed, CancellationToken ct)
    {
        await using var file = new FileStream(Partial(blob), resumed ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        var buffer = ArrayPool<byte>.Shared.Rent(256 << 10);
        try
        {
            while (await StallLimit.WithinAsync(token => content.ReadAsync(buffer, token).AsTask(), TimeProvider.System, ct) is > 0 and var count)
            {
                await WriteAsync(file, buffer.AsMemory(0, count), reference, ct);
                if (file.Position > blob.Size)
                    throw new LinuxKitException($"{reference}: the registry sends more than the {blob.Size} bytes that the layer {blob.Digest} has");
                progress.Pulled(new(reference.ToString(), blob.Digest, file.Position, blob.Size));
            }

            RandomAccess.FlushToDisk(file.SafeFileHandle); // nothing is buffered
            if (file.Position < blob.Size)
                throw new IOException($"the connection ended {blob.Size - file.Position} bytes too early");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // No fault of the registry, and so nothing to try again.
    private static async Task WriteAsync(FileStream file, ReadOnlyMemory<byte> bytes, ImageReference reference, CancellationToken ct)
    {
        try
        {
            await file.WriteAsync(bytes, ct);
        }
        catch (IOException e)
        {
            throw new LinuxKitException($"{reference}: a layer cannot be kept: {e.Message} (vmctl image prune frees space; --cache names another place)", e);
        }
    }

    private void Verify(ImageReference reference, Descriptor blob)
    {
        using var file = File.OpenRead(Partial(blob));
        var digest = ImageStore.DigestText(SHA256.HashData(file));
        if (digest == blob.Digest)
            return;

        File.Delete(Partial(blob));
        throw new LinuxKitException($"{reference}: what came for the layer {blob.Digest} is {digest}; it was thrown away (a broken proxy or registry?)");
    }
}

/// <param name="Reference">What was asked for.</param>
/// <param name="Architecture">That it is for.</param>
/// <param name="Top">What the name points to.</param>
/// <param name="Blobs">Layers and configuration.</param>
internal sealed record FoundImage(ImageReference Reference, string Architecture, Descriptor Top, IReadOnlyList<Descriptor> Blobs);
