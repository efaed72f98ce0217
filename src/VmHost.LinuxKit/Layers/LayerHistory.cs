using VmHost.LinuxKit.Assembly;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// What the lower layers of an image do with each path. Few images need it: those with layers that lack directories, or replace what hard links lead to.
/// For them these layers are read once more; names are kept, content is not.
/// </summary>
internal sealed class LayerHistory
{
    private const int MaxLinks = 40;

    // The highest layer's mark of each path first; the root is "".
    private readonly Dictionary<string, Mark> _marks = new(StringComparer.Ordinal);

    /// <param name="layers">How many of the lowest count.</param>
    /// <param name="open">Reads one of them from its beginning.</param>
    /// <param name="budget">Of this reading.</param>
    internal LayerHistory(int layers, Func<int, LayerReader> open, LayerBudget budget)
    {
        for (var at = 0; at < layers; at++)
        {
            using var layer = open(at);
            var below = at - 1;
            var paths = new LayerPaths(path => LinkAt(path, below), budget);
            for (var ordinal = 0; layer.Next() is { } entry; ordinal++)
            {
                budget.Count(entry);
                Add(paths.Place(entry), at, ordinal, budget);
            }
        }
    }

    /// <summary>The target of the link that a path is when all layers up to that one are applied; null: it is none.</summary>
    internal string? LinkAt(string path, int layer) => Find(path, layer)?.Entry is { Type: EntryType.Symlink } link ? link.Target : null;

    /// <summary>The directory that a path is when all layers up to that one are applied; null: it is none.</summary>
    internal Entry? DirectoryAt(string path, int layer) => Find(path, layer)?.Entry is { Type: EntryType.Directory } directory ? directory : null;

    /// <summary>The layer and the place in it of what a hard link leads to when all layers up to that one are applied; null: there is nothing.</summary>
    internal (int Layer, int Ordinal)? TargetOf(Entry link, int layer)
    {
        var target = link.Target;
        for (var links = 0; links < MaxLinks && Find(target, layer) is { } mark; links++)
        {
            if (mark.Entry is not { Type: EntryType.HardLink } next)
                return (mark.Layer, mark.Ordinal);
            (target, layer) = (next.Target, mark.Layer);
        }

        return null;
    }

    private void Add(Entry entry, int layer, int ordinal, LayerBudget budget)
    {
        var (path, kind) = Whiteouts.Of(entry);
        _marks.TryGetValue(path, out var before);

        // Of entries with the same name the first counts.
        for (var mark = before; mark?.Layer == layer; mark = mark.Before)
        {
            if (mark.Kind == kind)
                return;
        }

        budget.CountName(path);
        var kept = kind == MarkKind.Entry && entry.Type is EntryType.Directory or EntryType.Symlink or EntryType.HardLink;
        _marks[path] = new(layer, ordinal, kind, kept ? entry : null, before);
    }

    private Mark? Find(string path, int layer)
    {
        Mark? found = null;
        var whiteout = -1;
        for (var mark = _marks.GetValueOrDefault(path); mark is not null && found is null; mark = mark.Before)
        {
            if (mark.Layer <= layer && mark.Kind == MarkKind.Entry)
                found = mark;
            else if (mark.Layer <= layer && mark.Kind == MarkKind.Whiteout)
                whiteout = Math.Max(whiteout, mark.Layer);
        }

        return found is null || whiteout > found.Layer || IsHidden(path, found.Layer, layer) ? null : found;
    }

    // By a layer above the one that has it, in which a directory on its way is gone, emptied, or something else.
    private bool IsHidden(string path, int above, int layer)
    {
        foreach (var ancestor in EntryPath.Ancestors(path).Prepend(""))
        {
            for (var mark = _marks.GetValueOrDefault(ancestor); mark is not null && mark.Layer > above; mark = mark.Before)
            {
                if (mark.Layer <= layer && mark is not { Kind: MarkKind.Entry, Entry.Type: EntryType.Directory })
                    return true;
            }
        }

        return false;
    }

    private sealed record Mark(int Layer, int Ordinal, MarkKind Kind, Entry? Entry, Mark? Before);
}
