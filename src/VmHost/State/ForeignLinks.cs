using VmHost.Posix;

namespace VmHost.State;

/// <summary>Symbolic links that decide where a path leads and that another user owns, who can make it lead elsewhere.</summary>
internal static class ForeignLinks
{
    // As the kernel allows in one path.
    private const int MaxLinks = 40;

    /// <summary>The first link on the path, or on the way of its own links, that belongs to neither this user nor root; null for none.</summary>
    /// <param name="path">Absolute path. What is missing has no links.</param>
    internal static (string Link, uint Owner)? Find(string path) => Find(path, MaxLinks);

    private static (string Link, uint Owner)? Find(string path, int links)
    {
        for (var end = path.IndexOf('/', 1); ; end = path.IndexOf('/', end + 1))
        {
            var part = end < 0 ? path : path[..end];
            if (FileStatus.TryGetLink(part, out var status) && status.Type == FileType.SymbolicLink)
            {
                if (status.Owner != User.Id && status.Owner != User.Root)
                    return (part, status.Owner);

                var target = Path.Combine(Path.GetDirectoryName(part)!, new FileInfo(part).LinkTarget ?? "");
                if (links > 0 && Find(target, links - 1) is { } found)
                    return found;
            }

            if (end < 0)
                return null;
        }
    }
}
