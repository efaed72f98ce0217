using Microsoft.Win32.SafeHandles;

namespace VmHost.ShimContract.Journal;

/// <summary>A boot in the journal.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Begin">Of its output; of what is left of it where its begin was dropped.</param>
/// <param name="StartedAt">By the host's clock; of what is left of it where its begin was dropped.</param>
public readonly record struct JournalBoot(int Number, long Begin, DateTimeOffset StartedAt);

/// <summary>
/// What the indexes tell: when output was written, and by which boot. A torn end, or an index that is missing, costs
/// knowledge and never an error: the output stands without it.
/// </summary>
public static class JournalIndex
{
    /// <summary>The boots that wrote what is kept, the oldest first; those too that wrote nothing.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static IReadOnlyList<JournalBoot> Boots(string directory)
    {
        var boots = new List<JournalBoot>();
        foreach (var start in JournalFormat.Segments(directory))
        {
            using var index = new JournalIndexFile(directory, start);
            while (index.TryRead(out var record))
            {
                if (boots.Count > 0 && boots[^1].Number == record.Boot)
                    continue;

                // Where its mark was dropped with an older segment, all of this one's first bytes are its own.
                var begin = record.Mark == JournalMark.Boot ? record.Offset : start;
                boots.Add(new(record.Boot, begin, record.WrittenAt));
            }
        }

        return boots;
    }

    /// <summary>
    /// Where the output of a moment begins: everything before it was surely written before then. Output of the 100 ms before
    /// the moment may stand behind it. The end of the journal where nothing was written since.
    /// </summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static long OffsetAt(string directory, DateTimeOffset moment)
    {
        var (before, end) = JournalReader.Bounds(directory);
        var segments = JournalFormat.Segments(directory);
        foreach (var start in segments)
        {
            using var index = new JournalIndexFile(directory, start);
            while (index.TryRead(out var record))
            {
                if (record.WrittenAt >= moment)
                    return before;

                before = Math.Max(before, record.Offset);
            }
        }

        return segments.Count > 0 && LastWriteOf(directory, segments[^1]) >= moment ? before : end;
    }

    /// <summary>When the newest byte of a segment was written, as far as the file system knows.</summary>
    internal static DateTimeOffset LastWriteOf(string directory, long segment) =>
        new(File.GetLastWriteTimeUtc(JournalFormat.SegmentPath(directory, segment)));
}

/// <summary>The records of one segment's index, in order, as far as they are written; more may come.</summary>
internal sealed class JournalIndexFile : IDisposable
{
    private const int BufferedRecords = 128;

    private readonly SafeFileHandle? _file;
    private readonly byte[] _buffer = new byte[BufferedRecords * JournalIndexRecord.Size];
    private long _readUpTo;
    private int _at;
    private int _count;

    internal JournalIndexFile(string directory, long start)
    {
        try
        {
            _file = File.OpenHandle(JournalFormat.IndexPath(directory, start), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Said above: no knowledge, no error.
        }
    }

    /// <summary>The next whole record; false where there is none yet.</summary>
    internal bool TryRead(out JournalIndexRecord record)
    {
        record = default;
        if (_at == _count && !TryFill())
            return false;

        record = JournalIndexRecord.ReadFrom(_buffer.AsSpan(_at));
        _at += JournalIndexRecord.Size;
        return true;
    }

    private bool TryFill()
    {
        if (_file is null)
            return false;

        var count = RandomAccess.Read(_file, _buffer, _readUpTo);
        (_at, _count) = (0, count - (count % JournalIndexRecord.Size));
        _readUpTo += _count;
        return _count > 0;
    }

    public void Dispose() => _file?.Dispose();
}
