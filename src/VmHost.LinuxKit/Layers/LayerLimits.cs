namespace VmHost.LinuxKit.Layers;

/// <summary>What one image may cost: bounds that no honest image comes near.</summary>
public sealed record LayerLimits
{
    /// <summary>Bytes of all layers of an image when unpacked; 8 GiB by default, far more than the memory of what boots from it.</summary>
    public long MaxImageBytes { get; init; } = 8L << 30;

    /// <summary>Entries of all layers of an image; 500,000 by default.</summary>
    public int MaxEntries { get; init; } = 500_000;

    /// <summary>Characters of the names of all entries of an image, which are kept in memory while it is read; 64 Mi by default.</summary>
    public long MaxNameChars { get; init; } = 64 << 20;

    /// <summary>Layers of an image; 500 by default, where docker ends at 127.</summary>
    public int MaxLayers { get; init; } = 500;

    /// <summary>Files that hard links of a layer lead to and a higher one replaces: for each, a layer is read once more; 200 by default.</summary>
    public int MaxCopies { get; init; } = 200;

    /// <summary>How many times larger a layer may become when unpacked; 200 by default (gzip ends at 1,032).</summary>
    public int MaxRatio { get; init; } = 200;

    /// <summary>Below this many bytes the ratio does not count: a small layer may well be a file of zeros; 256 MiB by default.</summary>
    public long RatioFrom { get; init; } = 256 << 20;

    /// <summary>For whoever knows how large the images are: no other bound for bytes counts.</summary>
    /// <param name="maxImageBytes">Of one image, when unpacked.</param>
    public static LayerLimits UpTo(long maxImageBytes) => new() { MaxImageBytes = maxImageBytes, MaxRatio = int.MaxValue };
}
