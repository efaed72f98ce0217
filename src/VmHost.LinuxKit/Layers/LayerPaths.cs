using System.Text;
using VmHost.LinuxKit.Assembly;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// Where the entries of one layer really are: a directory on their path that is a link in the layers below leads them elsewhere, as it does where
/// layers are unpacked one onto the other (<c>bin/sh</c>, where <c>bin</c> links to <c>usr/bin</c>). A link is followed within the image: it begins at the image's root
/// where it is absolute, and <c>..</c> ends there. Source: path_resolution(7); containerd, <c>archive/tar.go</c>.
/// </summary>
/// <param name="linkBelow">The target of a link of that path in what all layers below make together; null: there is none.</param>
/// <param name="budget">Of the image.</param>
internal sealed class LayerPaths(Func<string, string?> linkBelow, LayerBudget budget)
{
    private const int MaxLinks = 40; // MAXSYMLINKS of Linux

    // Directories as they are written -> where they are.
    private readonly Dictionary<string, string> _places = new(StringComparer.Ordinal);

    // Of this layer so far, by where they are: its links, and what it made something else than a link of a lower layer.
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);
    private readonly HashSet<string> _others = new(StringComparer.Ordinal);

    /// <summary>The same entry where it is. Entries come in the layer's order.</summary>
    /// <exception cref="LinuxKitException">Links lead in a circle, or to a name that is too long; names image, layer and entry.</exception>
    internal Entry Place(Entry entry)
    {
        var path = Placed(entry.Name, entry);
        var target = entry.Type == EntryType.HardLink ? Placed(entry.Target, entry) : entry.Target;
        if (entry.Type == EntryType.Directory && !_links.ContainsKey(path))
        {
            _others.Add(path);
            _places[entry.Name] = path;
        }
        else if (entry.Type == EntryType.Symlink && !_others.Contains(path))
        {
            _links.TryAdd(path, entry.Target);
        }

        var placed = path == entry.Name && target == entry.Target ? entry : entry with { Name = path, Target = target };
        if (Whiteouts.Of(placed) is (var gone, MarkKind.Whiteout))
            _others.Add(gone);
        return placed;
    }

    private string Placed(string path, Entry entry)
    {
        var written = EntryPath.Parent(path);
        if (written.Length == 0)
            return path;

        if (!_places.TryGetValue(written, out var directory))
        {
            budget.CountName(written);
            _places[written] = directory = Follow(written, entry);
        }

        if (directory == written)
            return path;
        var placed = EntryPath.Join(directory, EntryPath.BaseName(path));
        return Encoding.UTF8.GetByteCount(placed) < TarEntries.MaxNameBytes ? placed
            : throw new LinuxKitException($"{entry.Origin}: {entry.Name}: links lead to a name of more than {TarEntries.MaxNameBytes - 1} bytes, which Linux cannot hold");
    }

    private string Follow(string written, Entry entry)
    {
        var rest = new Stack<string>(written.Split('/').Reverse());
        var (place, links) = ("", 0);
        while (rest.TryPop(out var part))
        {
            if (part is "" or ".")
                continue;
            if (part == "..")
            {
                place = EntryPath.Parent(place);
                continue;
            }

            var next = EntryPath.Join(place, part);
            if (LinkAt(next) is not { } target)
            {
                place = next;
                continue;
            }

            if (++links > MaxLinks)
                throw new LinuxKitException($"{entry.Origin}: {entry.Name}: more than {MaxLinks} symbolic links lead there, one to the next; they lead in a circle at {next}");
            if (target.StartsWith('/'))
                place = "";
            foreach (var piece in target.Split('/').Reverse())
                rest.Push(piece);
        }

        return place;
    }

    private string? LinkAt(string path) =>
        _links.TryGetValue(path, out var target) ? target : _others.Contains(path) ? null : linkBelow(path);
}
