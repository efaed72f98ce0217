using VmHost.LinuxKit.Assembly;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// An image's layers as one tree, in the order of the reference tool: the top layer first, what it hides left out below. Unlike there
/// opaque whiteouts are honoured, and no entry comes before its directory. Source: OCI image specification 1.1, <c>layer.md</c>.
/// </summary>
/// <param name="image">Whose.</param>
/// <param name="limits">What it may cost.</param>
internal sealed class Flattener(Image image, LayerLimits limits)
{
    private const string Whiteout = ".wh.";
    private const string Opaque = ".wh..wh..opq";

    // Path -> whether it hides what lower layers have below it.
    private readonly Dictionary<string, bool> _seen = new(StringComparer.Ordinal);
    private readonly HashSet<string> _opaque = new(StringComparer.Ordinal);
    private readonly Dictionary<int, Dictionary<string, Entry>> _directories = [];
    private int _entries;
    private long _bytes;
    private long _nameChars;

    /// <summary>Reads every layer once, from its first to its last byte, and the next one ahead.</summary>
    /// <exception cref="LinuxKitException">A layer is damaged, or costs too much; names image, layer and entry.</exception>
    internal IEnumerable<Entry> Entries()
    {
        var next = image.Layers.Count > 0 ? Open(image.Layers.Count - 1) : null;
        try
        {
            for (var at = image.Layers.Count - 1; at >= 0; at--)
            {
                using var layer = next!;
                next = at > 0 ? Open(at - 1) : null;
                var opaque = new List<string>();
                while (layer.Next() is { } entry)
                {
                    Count(entry);
                    foreach (var visible in Visible(entry, at, opaque))
                        yield return visible;
                }

                // It hides what is below this layer, not what is in it.
                _opaque.UnionWith(opaque);
            }
        }
        finally
        {
            next?.Dispose();
        }
    }

    private IEnumerable<Entry> Visible(Entry entry, int layer, List<string> opaque)
    {
        var directory = EntryPath.Parent(entry.Name);
        var baseName = EntryPath.BaseName(entry.Name);
        if (baseName == Opaque)
        {
            opaque.Add(directory);
            yield break;
        }

        var isWhiteout = baseName.StartsWith(Whiteout, StringComparison.Ordinal) && entry.Type != EntryType.Directory;
        var path = !isWhiteout ? entry.Name : directory.Length == 0 ? baseName[Whiteout.Length..] : $"{directory}/{baseName[Whiteout.Length..]}";
        if (_seen.ContainsKey(path) || IsHidden(path))
            yield break;

        if (!isWhiteout)
        {
            foreach (var parent in MissingParents(path, layer))
                yield return parent;
        }

        Remember(path, isWhiteout || entry.Type != EntryType.Directory);
        if (!isWhiteout)
            yield return entry;
    }

    private bool IsHidden(string path)
    {
        foreach (var ancestor in EntryPath.Ancestors(path))
        {
            if ((_seen.TryGetValue(ancestor, out var hides) && hides) || _opaque.Contains(ancestor))
                return true;
        }

        return _opaque.Contains("") && path != ".";
    }

    // The kernel drops a file whose directory is not there yet. Few layers lack their directories, so that reading twice is rare.
    private IEnumerable<Entry> MissingParents(string path, int layer)
    {
        foreach (var ancestor in EntryPath.Ancestors(path))
        {
            if (_seen.ContainsKey(ancestor))
                continue;

            Remember(ancestor, hides: false);
            yield return Directory(ancestor, layer) ?? Entry.Directory(ancestor);
        }
    }

    private Entry? Directory(string path, int fromLayer)
    {
        for (var at = fromLayer; at >= 0; at--)
        {
            if (!_directories.TryGetValue(at, out var directories))
                _directories[at] = directories = DirectoriesOf(at);
            if (directories.TryGetValue(path, out var found))
                return found;
        }

        return null;
    }

    private Dictionary<string, Entry> DirectoriesOf(int at)
    {
        var directories = new Dictionary<string, Entry>(StringComparer.Ordinal);
        using var layer = Open(at);
        while (layer.Next() is { } entry)
        {
            if (directories.Count > limits.MaxEntries)
                throw TooMany(entry);
            if (entry.Type == EntryType.Directory && directories.TryAdd(entry.Name, entry))
                CountName(entry.Name);
        }

        return directories;
    }

    private void Remember(string path, bool hides)
    {
        CountName(path);
        _seen.Add(path, hides);
    }

    private void CountName(string path)
    {
        _nameChars += path.Length;
        if (_nameChars > limits.MaxNameChars)
            throw new LinuxKitException($"{image.Name}: the names of its files have more than {limits.MaxNameChars} characters together, at {path}");
    }

    private void Count(Entry entry)
    {
        if (++_entries > limits.MaxEntries)
            throw TooMany(entry);
        _bytes += entry.Size;
        if (_bytes > limits.MaxImageBytes || entry.Size > limits.MaxImageBytes)
            throw new LinuxKitException($"{entry.Origin}: {entry.Name}: the image becomes larger than {limits.MaxImageBytes} bytes when unpacked (vmctl build --max-image-size allows more)");
    }

    private LinuxKitException TooMany(Entry entry) => new($"{entry.Origin}: {entry.Name}: the image has more than {limits.MaxEntries} entries");

    private LayerReader Open(int at) => new(image.Layers[at], $"{image.Name}: layer {at + 1} of {image.Layers.Count} ({Descriptor.Short(image.Layers[at].Descriptor.Digest)})", limits);
}
