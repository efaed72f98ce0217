using System.Formats.Tar;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Images;

/// <summary>
/// A tar of images, packed or not: what its two lists say, and all other files as blobs. They may come in any order, and before what names them.
/// </summary>
internal sealed class ImageArchive
{
    private readonly string _path;
    private readonly Dictionary<string, Descriptor> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);

    private ImageArchive(string path) => _path = path;

    /// <summary><c>index.json</c>; null: it is no OCI layout.</summary>
    internal byte[]? Index { get; private set; }

    /// <summary>Docker's <c>manifest.json</c>; null: it is nothing of docker's.</summary>
    internal byte[]? DockerManifest { get; private set; }

    /// <summary>Reads it once.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="staging">Takes the blobs.</param>
    /// <param name="ct">Ends it.</param>
    /// <exception cref="LinuxKitException">It means harm.</exception>
    /// <exception cref="InvalidDataException">It is no tar.</exception>
    internal static async Task<ImageArchive> ReadAsync(string path, BlobStaging staging, CancellationToken ct)
    {
        var archive = new ImageArchive(path);
        await using var unpacked = new UnpackedStream(path, path, new(), "unpack it first, and load that");
        await using var filter = new TarMetadataFilter(unpacked, path);
        await using var tar = new TarReader(filter);
        while (await tar.GetNextEntryAsync(copyData: false, ct) is { } entry)
            await archive.TakeAsync(entry, filter.Header, staging, ct);
        return archive;
    }

    /// <summary>The blob that a file of docker's list is, also by a link.</summary>
    /// <exception cref="LinuxKitException">There is none.</exception>
    internal Descriptor Resolve(string name)
    {
        var clean = EntryPath.Clean(name) ?? name;
        if (_links.TryGetValue(clean, out var target))
            clean = target;
        return _files.TryGetValue(clean, out var found) ? found : throw new LinuxKitException($"{_path}: lacks {name}, which its manifest.json names");
    }

    private async Task TakeAsync(TarEntry entry, TarHeader header, BlobStaging staging, CancellationToken ct)
    {
        var name = EntryPath.Clean(header.Name) ?? throw new LinuxKitException($"{_path}: the entry {header.Name} leads out of the archive");
        if (entry.EntryType is TarEntryType.SymbolicLink or TarEntryType.HardLink)
            _links[name] = entry.EntryType == TarEntryType.HardLink ? EntryPath.Resolve("", header.Link) : EntryPath.Resolve(EntryPath.Parent(name), header.Link);
        if (entry.DataStream is not { } data)
            return;

        if (name == "index.json")
            Index = await SmallAsync(data, ct);
        else if (name == "manifest.json")
            DockerManifest = await SmallAsync(data, ct);
        else
            _files[name] = await staging.KeepAsync(data, ct);
    }

    private async Task<byte[]> SmallAsync(Stream data, CancellationToken ct)
    {
        if (data.Length > Manifest.MaxBytes)
            throw new LinuxKitException($"{_path}: its index is longer than {Manifest.MaxBytes} bytes");

        var bytes = new byte[data.Length];
        await data.ReadExactlyAsync(bytes, ct);
        return bytes;
    }
}
