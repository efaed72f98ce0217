using VmHost.LinuxKit.Assembly;

namespace VmHost.LinuxKit.Layers;

/// <summary>What a layer's entry does to its path.</summary>
internal enum MarkKind
{
    /// <summary>Puts something there.</summary>
    Entry,

    /// <summary>Takes away what lower layers have there.</summary>
    Whiteout,

    /// <summary>Takes away what lower layers have below it.</summary>
    Opaque,
}

/// <summary>Entries that take others away. Source: OCI image specification 1.1, <c>layer.md</c>, "Whiteouts".</summary>
internal static class Whiteouts
{
    private const string Prefix = ".wh.";
    private const string OpaqueName = ".wh..wh..opq";

    /// <summary>The path that an entry is about, and what it does there; the root is empty.</summary>
    internal static (string Path, MarkKind Kind) Of(Entry entry)
    {
        var baseName = EntryPath.BaseName(entry.Name);
        if (entry.Type == EntryType.Directory || !baseName.StartsWith(Prefix, StringComparison.Ordinal) || baseName == Prefix)
            return (entry.Name, MarkKind.Entry);

        var directory = EntryPath.Parent(entry.Name);
        return baseName == OpaqueName ? (directory, MarkKind.Opaque) : (EntryPath.Join(directory, baseName[Prefix.Length..]), MarkKind.Whiteout);
    }
}
