namespace VmHost.LinuxKit;

/// <summary>Paths in archives: relative, with slashes, and with nothing in them that leads out.</summary>
internal static class EntryPath
{
    /// <summary>Without <c>./</c>, doubled, leading and closing slashes; the root is <c>.</c>. Null: it has <c>..</c> in it, or a NUL.</summary>
    internal static string? Clean(string name)
    {
        if (IsClean(name))
            return name;
        if (name.Contains('\0', StringComparison.Ordinal))
            return null;

        var parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".").ToArray();
        return parts.Contains("..") ? null : parts.Length == 0 ? "." : string.Join('/', parts);
    }

    /// <summary>Of <c>a/b/c</c>: <c>a/b</c>; of <c>a</c>: nothing.</summary>
    internal static string Parent(string path) => path.LastIndexOf('/') is >= 0 and var slash ? path[..slash] : "";

    internal static string BaseName(string path) => path[(path.LastIndexOf('/') + 1)..];

    /// <summary>Of <c>a</c> and <c>b</c>: <c>a/b</c>; of nothing and <c>b</c>: <c>b</c>.</summary>
    internal static string Join(string directory, string baseName) => directory.Length == 0 ? baseName : $"{directory}/{baseName}";

    /// <summary>Of <c>a/b/c</c>: <c>a</c>, <c>a/b</c>.</summary>
    internal static IEnumerable<string> Ancestors(string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
            yield return path[..slash];
    }

    /// <summary>Where a link's target leads from a directory, were there no other links: it ends at the root.</summary>
    internal static string Resolve(string directory, string target)
    {
        var parts = new List<string>();
        foreach (var part in (target.StartsWith('/') ? target : $"{directory}/{target}").Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && parts.Count > 0)
                parts.RemoveAt(parts.Count - 1);
            else if (part is not ("." or ".."))
                parts.Add(part);
        }

        return string.Join('/', parts);
    }

    /// <summary>A symlink's text that leads from the directory of one path to another.</summary>
    internal static string Relative(string from, string to)
    {
        var source = Parent(from).Split('/', StringSplitOptions.RemoveEmptyEntries);
        var target = to.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var common = 0;
        while (common < source.Length && common < target.Length - 1 && source[common] == target[common])
            common++;

        return string.Join('/', Enumerable.Repeat("..", source.Length - common).Concat(target[common..]));
    }

    private static bool IsClean(string name)
    {
        if (name.Length == 0 || name[0] == '/' || name[^1] == '/' || name.Contains("//", StringComparison.Ordinal) || name.Contains('\0', StringComparison.Ordinal))
            return false;

        // "." and ".." begin a part.
        return !name.StartsWith('.') && !name.Contains("/.", StringComparison.Ordinal);
    }
}
