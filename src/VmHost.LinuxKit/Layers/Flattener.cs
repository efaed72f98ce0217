using VmHost.LinuxKit.Assembly;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// An image's layers as one tree, in the order of the reference tool: the top layer first, what it hides left out below. Unlike there it is the tree
/// that unpacking one layer onto the other makes: whiteouts hide all that is below their layer and nothing in it, links lead where they lead, hard links
/// keep the content that they had, and no entry comes before its directory. Source: OCI image specification 1.1, <c>layer.md</c>.
/// </summary>
/// <param name="image">Whose.</param>
/// <param name="limits">What it may cost.</param>
internal sealed class Flattener(Image image, LayerLimits limits)
{
    private readonly LayerBudget _budget = new(image.Name, limits);

    // What is known of a path: its layer, and whether it hides what lower layers have below it.
    private readonly Dictionary<string, (int Layer, bool Hides)> _seen = new(StringComparer.Ordinal);

    // Directories whose content in lower layers is hidden; the root is "".
    private readonly HashSet<string> _opaque = new(StringComparer.Ordinal);

    // Of files that had to be copied: what they were, and where they are now.
    private readonly Dictionary<(int Layer, int Ordinal), string> _copies = [];
    private LayerHistory? _history;

    /// <summary>Reads every layer from its first to its last byte, and the next one ahead; those that <see cref="LayerHistory"/> has to know, twice.</summary>
    /// <exception cref="LinuxKitException">A layer is damaged, or costs too much; names image, layer and entry.</exception>
    internal IEnumerable<Entry> Entries()
    {
        if (image.Layers.Count > limits.MaxLayers)
            throw new LinuxKitException($"{image.Name} has {image.Layers.Count} layers; more than {limits.MaxLayers} are in no honest image");

        var next = image.Layers.Count > 0 ? Open(image.Layers.Count - 1) : null;
        try
        {
            for (var at = image.Layers.Count - 1; at >= 0; at--)
            {
                using var layer = next!;
                next = at > 0 ? Open(at - 1) : null;
                var paths = PathsOf(at);
                var hidden = new List<(string Path, MarkKind Kind)>();
                while (layer.Next() is { } entry)
                {
                    _budget.Count(entry);
                    foreach (var visible in Visible(paths.Place(entry), at, hidden))
                        yield return visible;
                }

                // It hides what is below this layer, not what is in it.
                foreach (var (path, kind) in hidden)
                    Hide(path, kind, at);
            }
        }
        finally
        {
            next?.Dispose();
        }
    }

    private IEnumerable<Entry> Visible(Entry entry, int layer, List<(string Path, MarkKind Kind)> hidden)
    {
        var (path, kind) = Whiteouts.Of(entry);
        if (kind != MarkKind.Entry)
        {
            hidden.Add((path, kind));
            yield break;
        }

        if (_seen.TryGetValue(path, out var above))
        {
            // A directory of a higher layer began empty, since something else was there.
            if (entry.Type != EntryType.Directory && !above.Hides && above.Layer > layer)
                hidden.Add((path, MarkKind.Opaque));
            yield break;
        }

        if (IsHidden(path))
            yield break;

        foreach (var parent in MissingParents(path, layer))
            yield return parent;
        Remember(path, layer, hides: entry.Type != EntryType.Directory);
        if (entry.Type == EntryType.HardLink && IsGone(entry.Target, layer))
        {
            foreach (var copy in CopyOf(entry, layer))
                yield return copy;
        }
        else
        {
            yield return entry;
        }
    }

    private void Hide(string path, MarkKind kind, int layer)
    {
        if (kind == MarkKind.Opaque || (_seen.TryGetValue(path, out var above) && !above.Hides))
            _opaque.Add(path);
        else if (!_seen.ContainsKey(path) && !IsHidden(path))
            Remember(path, layer, hides: true);
    }

    private bool IsHidden(string path)
    {
        foreach (var ancestor in EntryPath.Ancestors(path))
        {
            if ((_seen.TryGetValue(ancestor, out var above) && above.Hides) || _opaque.Contains(ancestor))
                return true;
        }

        return _opaque.Contains("") && path != ".";
    }

    // The kernel drops a file whose directory is not there yet.
    private IEnumerable<Entry> MissingParents(string path, int layer)
    {
        foreach (var ancestor in EntryPath.Ancestors(path))
        {
            if (_seen.ContainsKey(ancestor))
                continue;

            Remember(ancestor, layer, hides: false);
            yield return History(layer + 1).DirectoryAt(ancestor, layer) ?? Entry.Directory(ancestor);
        }
    }

    // By a higher layer: in this one and below it is the file that a hard link means.
    private bool IsGone(string target, int layer) => _seen.TryGetValue(target, out var above) ? above.Layer > layer : IsHidden(target);

    // The first link to a file that is gone becomes that file, and the others link to it.
    private IEnumerable<Entry> CopyOf(Entry link, int layer)
    {
        var place = History(layer + 1).TargetOf(link, layer) ?? throw new LinuxKitException($"{link.Origin}: {link.Name} is a hard link to {link.Target}, which is in no layer below");
        if (!_copies.TryAdd(place, link.Name))
        {
            yield return link with { Target = _copies[place] };
            yield break;
        }

        _budget.CountCopy(link);
        using var reader = Open(place.Layer);
        for (var ordinal = 0; ordinal < place.Ordinal; ordinal++)
            reader.Next();
        var file = reader.Next() ?? throw new LinuxKitException($"{link.Origin}: {link.Name}: the layer changed while it was read; build again");
        _budget.Count(file);
        yield return file with { Name = link.Name };
    }

    private LayerPaths PathsOf(int layer) => new(path => layer > 0 ? History(layer + 1).LinkAt(path, layer - 1) : null, _budget);

    // The first to ask is the highest layer that does, since they are read from the top.
    private LayerHistory History(int layers) => _history ??= new(layers, Open, new(image.Name, limits));

    private void Remember(string path, int layer, bool hides)
    {
        _budget.CountName(path);
        _seen.Add(path, (layer, hides));
    }

    private LayerReader Open(int at) => new(image.Layers[at], $"{image.Name}: layer {at + 1} of {image.Layers.Count} ({Descriptor.Short(image.Layers[at].Descriptor.Digest)})", limits);
}
