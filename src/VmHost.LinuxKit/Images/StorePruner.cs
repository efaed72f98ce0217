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
        foreach (var name in names)
        {
            var more = Blobs(name).Where(blob => !blobs.ContainsKey(blob.Digest)).DistinctBy(blob => blob.Digest).ToList();
            if (maxBytes is not null && blobs.Values.Sum() + more.Sum(blob => blob.Size) > maxBytes)
                continue;

            kept.Add(name);
            more.ForEach(blob => blobs.Add(blob.Digest, blob.Size));
        }

        // The names first: a name whose blobs are missing is pulled again, and a blob without a name is only space.
        await store.ChangeIndexAsync(all => [.. all.Where(one => kept.Any(keep => keep.Name == one.Name))], ct);
        return new([.. names.Except(kept).Select(name => name.Name!)], RemoveFiles(blobs));
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

    /// <summary>Every blob below a descriptor that is here.</summary>
    internal IEnumerable<Descriptor> Blobs(Descriptor top)
    {
        if (!store.HasBlob(top))
            yield break;

        yield return top;
        var manifest = Manifest.Parse(store.ReadBlob(top, Manifest.MaxBytes), top.Digest);
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
