using System.Globalization;
using System.Text.Json.Serialization;

namespace VmHost.Specs;

/// <summary>An amount of memory or storage.</summary>
/// <param name="Bytes">In bytes.</param>
public readonly record struct ByteSize(long Bytes) : IComparable<ByteSize>
{
    private const long BytesPerMiB = 1024 * 1024;

    /// <summary>Whole mebibytes (1,048,576 bytes), rounded down.</summary>
    [JsonIgnore]
    public long MiB => Bytes / BytesPerMiB;

    /// <summary>So many mebibytes.</summary>
    /// <exception cref="OverflowException">More bytes than a <see langword="long"/> holds.</exception>
    public static ByteSize FromMiB(long mebibytes) => new(checked(mebibytes * BytesPerMiB));

    /// <inheritdoc/>
    public int CompareTo(ByteSize other) => Bytes.CompareTo(other.Bytes);

    /// <summary>Whether the left one is less.</summary>
    public static bool operator <(ByteSize left, ByteSize right) => left.Bytes < right.Bytes;

    /// <summary>Whether the left one is more.</summary>
    public static bool operator >(ByteSize left, ByteSize right) => left.Bytes > right.Bytes;

    /// <summary>Whether the left one is not more.</summary>
    public static bool operator <=(ByteSize left, ByteSize right) => left.Bytes <= right.Bytes;

    /// <summary>Whether the left one is not less.</summary>
    public static bool operator >=(ByteSize left, ByteSize right) => left.Bytes >= right.Bytes;

    /// <summary><c>256 MiB</c>, or <c>1000 bytes</c> when it is no whole number of them.</summary>
    public override string ToString() =>
        Bytes % BytesPerMiB == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{MiB} MiB")
            : string.Create(CultureInfo.InvariantCulture, $"{Bytes} bytes");
}
