namespace VmHost.ShimContract.Journal;

/// <summary>What is known of bytes at an offset.</summary>
/// <param name="WrittenAt">When the last of them was written, to 100 ms, by the host's clock.</param>
/// <param name="Boot">Which boot wrote them; 0 where no index tells.</param>
/// <param name="Until">It holds for the bytes before this offset.</param>
public readonly record struct JournalMoment(DateTimeOffset WrittenAt, int Boot, long Until);

/// <summary>Tells a reader that goes forward when what it reads was written. Not safe for use by two threads at once.</summary>
/// <param name="directory">The journal's.</param>
public sealed class JournalClock(string directory) : IDisposable
{
    private JournalIndexFile? _index;
    private long _segment = -1;
    private JournalIndexRecord? _next;
    private int _boot;

    /// <summary>Of the bytes at <paramref name="offset"/>; no smaller than the one asked for before.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public JournalMoment At(long offset)
    {
        var segments = JournalFormat.Segments(directory);
        var segment = segments.LastOrDefault(start => start <= offset, -1);
        if (segment != _segment)
            Open(segment);

        while (_next is null || _next.Value.Offset <= offset)
        {
            if (_next is { } passed)
                _boot = passed.Boot;

            if (_index?.TryRead(out var record) != true)
            {
                _next = null;
                return Unindexed(segments, segment);
            }

            _next = record;
        }

        // A boot's mark stands where the boot begins: what is before it is of the one before.
        var next = _next.Value;
        return new(next.WrittenAt, next.Mark == JournalMark.Written ? next.Boot : _boot, next.Offset);
    }

    // The newest bytes: their record comes within 100 ms, or never where the writer was killed. They end with their segment.
    private JournalMoment Unindexed(IReadOnlyList<long> segments, long segment)
    {
        var until = segments.FirstOrDefault(start => start > segment, long.MaxValue);
        var writtenAt = segment < 0 ? DateTimeOffset.MinValue : JournalIndex.LastWriteOf(directory, segment);
        return new(writtenAt, _boot, until);
    }

    private void Open(long segment)
    {
        _index?.Dispose();
        _index = segment < 0 ? null : new(directory, segment);
        (_segment, _next) = (segment, null);
    }

    public void Dispose() => _index?.Dispose();
}
