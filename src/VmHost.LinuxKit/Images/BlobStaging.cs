using System.Security.Cryptography;

namespace VmHost.LinuxKit.Images;

/// <summary>Blobs on their way into a store: they go in when all of an image is known to be there, and what nobody wants is gone in the end.</summary>
/// <param name="store">Where they go.</param>
internal sealed class BlobStaging(ImageStore store) : IDisposable
{
    private const int Unbuffered = 0;

    // Digest -> file, in the store's directory for what is not whole.
    private readonly Dictionary<string, (string File, long Size)> _staged = new(StringComparer.Ordinal);

    /// <summary>Takes a blob in.</summary>
    /// <returns>What it is; without a media type.</returns>
    internal async Task<Descriptor> KeepAsync(Stream content, CancellationToken ct)
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
            if (!_staged.TryAdd(digest, (temporary, size)))
                File.Delete(temporary);
            return new("", digest, size);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Whether it was taken in, or is in the store already.</summary>
    internal bool Has(Descriptor blob) => _staged.TryGetValue(blob.Digest, out var staged) ? staged.Size == blob.Size : store.HasBlob(blob);

    /// <summary>Reads a small blob.</summary>
    /// <exception cref="LinuxKitException">It is damaged, or longer than it may be.</exception>
    internal byte[] Read(Descriptor blob, int maxBytes)
    {
        if (!_staged.TryGetValue(blob.Digest, out var staged))
            return store.ReadBlob(blob, maxBytes);
        return staged.Size <= maxBytes ? File.ReadAllBytes(staged.File) : throw ImageStore.TooLong(blob);
    }

    /// <summary>The file of one that was taken in.</summary>
    internal string FileOf(string digest) => _staged[digest].File;

    /// <summary>Puts these into the store; those that are there already stay.</summary>
    internal void Publish(IEnumerable<string> digests)
    {
        foreach (var digest in digests)
        {
            if (_staged.Remove(digest, out var staged))
                store.Adopt(staged.File, digest);
        }
    }

    public void Dispose()
    {
        foreach (var (file, _) in _staged.Values)
            File.Delete(file);
    }
}
