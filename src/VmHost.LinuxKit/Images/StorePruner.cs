namespace VmHost.LinuxKit.Images;

/// <summary>Frees space: names that were not built from for longest, then every blob that no name needs.</summary>
/// <param name="store">What is pruned.</param>
internal sealed class StorePruner(ImageStore store)
{
    /// <param name="maxBytes">Names go, the longest unused first, until the rest is no larger; null: no name goes.</param>
    /// <param name="ct">Ends it between two steps.</param>
    /// <returns>What went, or null where a build uses the store.</returns>
    internal async Task<PruneResult?> PruneAsync(long? maxBytes, CancellationToken ct)
    {
        using var owned = store.TryOwn();
        if (owned is null)
            return null;

        var names = store.Names().OrderByDescending(LastUse).ToList();
        var kept = new List<Descriptor>();
        var blobs = new Dictionary<string, long>(StringComparer.Ordinal);

        // What other tools keep here without a name is not ours to remove.
        foreach (var blob in store.Entries().Where(one => one.Name is null).SelectMany(one => TryBlobs(one) ?? [one]))
            blobs.TryAdd(blob.Digest, blob.Size);
        foreach (var name in names)
        {
            var more = TryBlobs(name)?.Where(blob => !blobs.ContainsKey(blob.Digest)).DistinctBy(blob => blob.Digest).ToList();
            if (more is null || (maxBytes is not null && blobs.Values.Sum() + more.Sum(blob => blob.Size) > maxBytes))
                continue;

            kept.Add(name);
            more.ForEach(blob => blobs.Add(blob.Digest, blob.Size));
        }

        // The names first: a name whose blobs are missing is pulled again, and a blob without a name is only space.
        string[] gone = [.. names.Except(kept).Select(name => name.Name!)];
        await store.RemoveAsync(gone, ct);
        return new(gone, RemoveFiles(blobs) + await store.SweepAsync(ct) + OneBuildStore.Sweep(store.Directory));
    }

    private DateTime LastUse(Descriptor top) => File.GetLastWriteTimeUtc(store.BlobPath(top.Digest));

    private long RemoveFiles(Dictionary<string, long> kept)
    {
        var freed = 0L;
        var blobs = Directory.EnumerateFiles(Path.GetDirectoryName(store.BlobPath($"sha256:{new string('0', 64)}"))!);
        foreach (var file in blobs.Where(file => !kept.ContainsKey($"sha256:{Path.GetFileName(file)}")).Concat(Directory.EnumerateFiles(store.PartialDirectory)).ToList())
        {
            freed += new FileInfo(file).Length;
            File.Delete(file);
        }

        return freed;
    }

    /// <summary>Every blob below a descriptor that is here; null: what says so is damaged.</summary>
    internal IReadOnlyList<Descriptor>? TryBlobs(Descriptor top)
    {
        try
        {
            return [.. Blobs(top).DistinctBy(blob => blob.Digest)];
        }
        catch (LinuxKitException)
        {
            // Told by null: a list and a clean-up go on with the others.
            return null;
        }
    }

    private IEnumerable<Descriptor> Blobs(Descriptor top)
    {
        if (!store.HasBlob(top))
            yield break;

        yield return top;
        var bytes = store.TryReadBlob(top, Manifest.MaxBytes) ?? throw new LinuxKitException($"{top.Digest} is damaged");
        var manifest = Manifest.Parse(bytes, top.Digest, top.MediaType);
        var below = manifest.IsIndex
            ? manifest.Manifests.SelectMany(Blobs)
            : manifest.Layers.Append(manifest.Config!).Where(store.HasBlob);
        foreach (var blob in below)
            yield return blob;
    }
}

/// <param name="Names">Whose images are gone.</param>
/// <param name="FreedBytes">On the disk.</param>
internal sealed record PruneResult(IReadOnlyList<string> Names, long FreedBytes);
