using System.Buffers.Binary;
using System.Globalization;

namespace VmHost.ShimContract.Journal;

/// <summary>What an index record says about its offset.</summary>
public enum JournalMark
{
    /// <summary>Everything before the offset had been written by that time.</summary>
    Written = 1,

    /// <summary>A boot's first byte, if it writes any, stands at the offset.</summary>
    Boot = 2,

    /// <summary>From the offset on, so many bytes were lost before they could be written.</summary>
    Gap = 3,
}

/// <summary>One record of an index file.</summary>
/// <param name="Offset">In the journal, in bytes.</param>
/// <param name="WallTime">Nanoseconds since the Unix epoch by the host's clock, which may jump.</param>
/// <param name="MonotonicTime">Nanoseconds of a clock that never jumps within one boot of the host.</param>
/// <param name="Mark">What it says.</param>
/// <param name="Boot">Number of the machine's boot, from 1.</param>
/// <param name="Length">For a gap its length in bytes, else 0.</param>
public readonly record struct JournalIndexRecord(
    long Offset, long WallTime, long MonotonicTime, JournalMark Mark, int Boot, long Length)
{
    /// <summary>Bytes of a record on disk; numbers are little-endian.</summary>
    public const int Size = 40;

    /// <summary><see cref="WallTime"/> as a moment; the nearest that there is for a number that a damaged disk made up.</summary>
    public DateTimeOffset WrittenAt => DateTimeOffset.UnixEpoch + TimeSpan.FromTicks(WallTime / TimeSpan.NanosecondsPerTick);

    public void WriteTo(Span<byte> target)
    {
        BinaryPrimitives.WriteInt64LittleEndian(target, Offset);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], WallTime);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], MonotonicTime);
        BinaryPrimitives.WriteInt32LittleEndian(target[24..], (int)Mark);
        BinaryPrimitives.WriteInt32LittleEndian(target[28..], Boot);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], Length);
    }

    public static JournalIndexRecord ReadFrom(ReadOnlySpan<byte> source) =>
        new(
            BinaryPrimitives.ReadInt64LittleEndian(source),
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[16..]),
            (JournalMark)BinaryPrimitives.ReadInt32LittleEndian(source[24..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[28..]),
            BinaryPrimitives.ReadInt64LittleEndian(source[32..]));
}

/// <summary>
/// The console journal on disk: raw bytes in segments that are named by the offset of their first byte, an index beside
/// each. Nothing is ever renamed, truncated or copied; the oldest segments are unlinked.
/// </summary>
public static class JournalFormat
{
    public const string SegmentSuffix = ".log";
    public const string IndexSuffix = ".idx";

    private const int NameDigits = 20;

    public static string SegmentPath(string directory, long start) => Path.Combine(directory, Name(start) + SegmentSuffix);

    public static string IndexPath(string directory, long start) => Path.Combine(directory, Name(start) + IndexSuffix);

    /// <summary>The start offsets of all segments, ascending. Files of other names are passed over.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static IReadOnlyList<long> Segments(string directory)
    {
        var starts = new List<long>();
        foreach (var path in Directory.EnumerateFiles(directory, "*" + SegmentSuffix))
        {
            if (StartOf(Path.GetFileNameWithoutExtension(path.AsSpan())) is { } start)
                starts.Add(start);
        }

        starts.Sort();
        return starts;
    }

    private static string Name(long start) => start.ToString("D20", CultureInfo.InvariantCulture);

    private static long? StartOf(ReadOnlySpan<char> name) =>
        name.Length == NameDigits && long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            ? start
            : null;
}

/// <summary>How large a journal may grow.</summary>
/// <param name="TotalBytes">All segments together; the oldest is dropped before a new one would pass it.</param>
/// <param name="SegmentBytes">A segment of at least this size gets no more.</param>
public sealed record JournalLimits(long TotalBytes, long SegmentBytes)
{
    /// <summary>64 MiB a machine, in segments of 8 MiB.</summary>
    public static JournalLimits Default { get; } = new(64L << 20, 8L << 20);
}
