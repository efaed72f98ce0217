namespace VmHost.ShimContract.Journal;

/// <summary>
/// Appends to the journal. One writer a machine, one thread. It never waits for a reader and never fails on its caller:
/// while the disk refuses, the newest output is kept in memory (256 KiB), the rest is counted and told as a gap.
/// </summary>
public sealed class JournalWriter : IDisposable
{
    private const int IndexEveryBytes = 64 << 10;

    // A guest that writes a little all the time must not make an index that is larger than its output by far.
    private const long DenseIndexBytes = 1 << 20;

    private static readonly TimeSpan IndexEvery = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SparseIndexEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(1);

    private readonly string _directory;
    private readonly JournalLimits _limits;
    private readonly int _boot;
    private readonly TimeProvider _time;
    private readonly Queue<(long Start, long Size)> _older = new();
    private readonly ReplayBuffer _held = new(256 << 10);

    private JournalSegment? _segment;
    private long _end;
    private long _lost;
    private long _indexedEnd;
    private long _indexedAt;
    private long _appendedAt;
    private long _retryAt;
    private bool _failing;

    /// <summary>Continues the journal in <paramref name="directory"/> at its end, as boot number <paramref name="boot"/>.</summary>
    /// <exception cref="IOException">The directory cannot be read or the first segment not be made.</exception>
    public JournalWriter(string directory, JournalLimits limits, int boot, TimeProvider time)
    {
        (_directory, _limits, _boot, _time) = (directory, limits, boot, time);

        foreach (var start in JournalFormat.Segments(directory))
            _older.Enqueue((start, new FileInfo(JournalFormat.SegmentPath(directory, start)).Length));

        if (_older.Count > 0)
        {
            var (start, size) = _older.Last();
            _end = start + size;
        }

        Start = _end;
        OpenSegment(_end);
        Mark(JournalMark.Boot, _end, 0);
    }

    /// <summary>Where this boot's output begins.</summary>
    public long Start { get; }

    /// <summary>The end of what readers can read. Other threads may ask.</summary>
    public long End => Volatile.Read(ref _end);

    /// <summary>Bytes lost in this boot because the disk refused them. Other threads may ask.</summary>
    public long LostBytes => Volatile.Read(ref _lost);

    /// <summary>True while there is something that <see cref="Tick"/> has to do.</summary>
    public bool NeedsTick => _failing || _indexedEnd < _end;

    /// <summary>Appends. What the disk refuses now is held and written later, or counted as lost.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        _appendedAt = _time.GetTimestamp();
        if (_failing)
        {
            _held.Add(data);
            Retry();
            return;
        }

        var written = Write(data);
        if (written < data.Length)
        {
            _held.Add(data[written..]);
            BeginFailing();
        }
    }

    /// <summary>What is due with time: the index record of the last bytes, the next try after an error.</summary>
    public void Tick()
    {
        if (_failing)
            Retry();
        else if (_indexedEnd < _end && _time.GetElapsedTime(_indexedAt) >= IndexInterval)
            Mark(JournalMark.Written, _end, 0);
    }

    /// <summary>Writes what is still held, if the disk takes it now, else counts it as lost, and flushes the end to the disk.</summary>
    public void Finish()
    {
        if (_failing)
        {
            _retryAt = 0;
            Retry();
        }

        if (_failing)
            GiveUpHeld();

        if (_indexedEnd < _end)
            Mark(JournalMark.Written, _end, 0);

        _segment?.TryFlush();
    }

    public void Dispose() => _segment?.Dispose();

    private TimeSpan IndexInterval => _segment?.IndexSize > DenseIndexBytes ? SparseIndexEvery : IndexEvery;

    private int Write(ReadOnlySpan<byte> data)
    {
        var written = 0;
        while (written < data.Length)
        {
            if (_segment is null || _segment.Size >= _limits.SegmentBytes)
            {
                if (!TryOpenNext())
                    break;
            }

            // A segment ends exactly at its size, so that the cap holds to the byte.
            var room = (int)Math.Min(_limits.SegmentBytes - _segment!.Size, data.Length - written);
            var count = _segment.Append(data.Slice(written, room));
            if (count <= 0)
                break;

            written += count;
            Volatile.Write(ref _end, _end + count);
            if (_end - _indexedEnd >= IndexEveryBytes || _time.GetElapsedTime(_indexedAt) >= IndexInterval)
                Mark(JournalMark.Written, _end, 0);
        }

        return written;
    }

    private void BeginFailing()
    {
        _failing = true;
        _retryAt = _time.GetTimestamp();
    }

    private void Retry()
    {
        if (_retryAt != 0 && _time.GetElapsedTime(_retryAt) < RetryEvery)
            return;

        _retryAt = _time.GetTimestamp();
        if (_held.Dropped > 0 && !TryWriteGap())
            return;

        while (!_held.Peek().IsEmpty)
        {
            var part = _held.Peek();
            var written = Write(part);
            _held.Remove(written);
            if (written < part.Length)
                return;
        }

        _failing = false;
    }

    // Lost bytes count: the offset advances by their number, and the next segment is named by the advanced offset. It
    // stays only if the disk takes what follows the gap, or every try on a full disk would leave an empty segment.
    private bool TryWriteGap()
    {
        var (gapStart, length) = (_end, _held.Dropped);
        CloseSegment();
        if (!TryOpen(gapStart + length))
            return false;

        var next = _held.Peek();
        var written = _segment!.Append(next[..(int)Math.Min(next.Length, _limits.SegmentBytes)]);
        if (written <= 0)
        {
            _segment.Dispose();
            _segment = null;
            DeleteSegment(gapStart + length);
            return false;
        }

        _held.Remove(written);
        _held.ForgetDropped();
        Volatile.Write(ref _lost, _lost + length);
        Volatile.Write(ref _end, gapStart + length + written);
        Mark(JournalMark.Gap, gapStart, length);
        return true;
    }

    // An empty segment needs a name on the disk and no block of it: where the journal goes on can be said on a full one too.
    private void GiveUpHeld()
    {
        var (start, length) = (_end, _held.Dropped + _held.Count);
        CloseSegment();
        _failing = false;
        Volatile.Write(ref _lost, _lost + length);
        if (!TryOpen(start + length))
            return;

        Volatile.Write(ref _end, start + length);
        Mark(JournalMark.Gap, start, length);
    }

    private bool TryOpenNext()
    {
        CloseSegment();
        return TryOpen(_end);
    }

    private bool TryOpen(long start)
    {
        try
        {
            OpenSegment(start);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;   // the disk refuses: the caller holds the bytes and counts
        }
    }

    private void CloseSegment()
    {
        if (_segment is null)
            return;

        _older.Enqueue((_segment.Start, _segment.Size));
        _segment.Dispose();
        _segment = null;
    }

    // Goes on with the last segment where it has room and ends at start, else begins a new one.
    private void OpenSegment(long start)
    {
        if (_older.Count > 0 && _older.Last() is var (last, size) && last + size == start && size < _limits.SegmentBytes)
        {
            _segment = JournalSegment.Open(_directory, last);
            var others = _older.SkipLast(1).ToArray();
            _older.Clear();
            foreach (var other in others)
                _older.Enqueue(other);
            return;
        }

        DropOldest();
        _segment = JournalSegment.Open(_directory, start);
    }

    private void DropOldest()
    {
        var total = _older.Sum(segment => segment.Size);
        while (_older.Count > 0 && total + _limits.SegmentBytes > _limits.TotalBytes)
        {
            var (start, size) = _older.Dequeue();
            DeleteSegment(start);
            total -= size;
        }
    }

    private void DeleteSegment(long start)
    {
        File.Delete(JournalFormat.SegmentPath(_directory, start));
        File.Delete(JournalFormat.IndexPath(_directory, start));
    }

    private void Mark(JournalMark mark, long offset, long length)
    {
        var now = _time.GetTimestamp();
        var wall = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

        // The last append may be older than now, where nothing came since.
        var age = mark == JournalMark.Written && _appendedAt != 0 ? _time.GetElapsedTime(_appendedAt, now) : TimeSpan.Zero;
        var monotonic = (long)(_time.GetElapsedTime(0, now) - age).TotalNanoseconds;
        _segment?.AppendIndex(new(
            offset, wall - (age.Ticks * TimeSpan.NanosecondsPerTick), monotonic, mark, _boot, length));

        _indexedEnd = _end;
        _indexedAt = now;
    }
}
