namespace VmHost.LinuxKit.Layers;

/// <summary>What the headers of an entry say together, where the framework's reader would refuse it or get it wrong.</summary>
internal sealed record TarHeader
{
    internal static readonly TarHeader None = new();

    /// <summary>As it is written: with what is before and behind it, such as <c>./lib/</c>.</summary>
    internal string Name { get; init; } = "";

    /// <summary>Of a link: where it leads.</summary>
    internal string Link { get; init; } = "";

    internal long Uid { get; init; }

    internal long Gid { get; init; }

    /// <summary>Seconds since 1970, floored.</summary>
    internal long Time { get; init; }

    /// <summary>Its content is a list of pieces, and not what is in the file.</summary>
    internal bool IsSparse { get; init; }

    /// <summary>Extended attributes by their PAX names.</summary>
    internal IReadOnlyDictionary<string, byte[]> Attributes { get; init; } = System.Collections.Immutable.ImmutableDictionary<string, byte[]>.Empty;
}
