namespace VmHost.ShimContract.Journal;

/// <summary>What one read gave.</summary>
/// <param name="Offset">Of the first byte read.</param>
/// <param name="Count">Bytes read; 0 when there is nothing more now.</param>
/// <param name="GapBytes">Bytes before <paramref name="Offset"/> that are lost: dropped at the cap, or never written.</param>
public readonly record struct JournalRead(long Offset, int Count, long GapBytes);

/// <summary>
/// A cursor into the journal. It needs nothing of the writer: what is in the files may be read, and a segment with a
/// successor never grows again. Any number of readers may stand anywhere; not safe for use by two threads at once.
/// </summary>
/// <param name="directory">The journal's.</param>
/// <param name="offset">Where to begin.</param>
public sealed class JournalReader(string directory, long offset) : IDisposable
{
    private Microsoft.Win32.SafeHandles.SafeFileHandle? _file;
    private long _fileStart;

    /// <summary>Offset of the next byte.</summary>
    public long Position { get; private set; } = offset;

    /// <summary>The oldest offset that is kept and the end; equal when there is no output.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public static (long Begin, long End) Bounds(string directory)
    {
        while (true)
        {
            var segments = JournalFormat.Segments(directory);
            if (segments.Count == 0)
                return (0, 0);

            var last = new FileInfo(JournalFormat.SegmentPath(directory, segments[^1]));

            // It may have been dropped since the listing, where the writer is fast and the cap small.
            if (last.Exists)
                return (segments[0], segments[^1] + last.Length);
        }
    }

    public void Seek(long offset)
    {
        Position = offset;
        CloseFile();
    }

    /// <summary>
    /// Closes the segment that is open, until the next read. A file that is open keeps its place on the disk, also when it was dropped
    /// at the cap.
    /// </summary>
    public void LetGo() => CloseFile();

    /// <summary>Reads what there is, from one segment at most.</summary>
    /// <exception cref="IOException">The journal cannot be read.</exception>
    public JournalRead Read(Span<byte> buffer)
    {
        var from = Position;
        while (true)
        {
            if (_file is null && !TryOpen())
                return new(Position, 0, Position - from);

            var count = RandomAccess.Read(_file!, buffer, Position - _fileStart);
            if (count == 0 && NextSegment() is { } next)
            {
                // The segment is complete now that it has a successor; it may have grown between the two looks.
                count = RandomAccess.Read(_file!, buffer, Position - _fileStart);
                if (count == 0)
                {
                    Position = next;
                    CloseFile();
                    continue;
                }
            }

            var read = new JournalRead(Position, count, Position - from);
            Position += count;
            return read;
        }
    }

    public void Dispose() => CloseFile();

    // Opens the segment that holds the position, or the next one behind it.
    private bool TryOpen()
    {
        while (true)
        {
            var segments = JournalFormat.Segments(directory);
            if (segments.Count == 0)
                return false;

            var start = segments.LastOrDefault(start => start <= Position, segments[0]);
            try
            {
                _file = File.OpenHandle(
                    JournalFormat.SegmentPath(directory, start),
                    FileMode.Open,
                    FileAccess.Read,
                    FileShare.ReadWrite | FileShare.Delete);
            }
            catch (FileNotFoundException)
            {
                continue;   // dropped since the listing: the next listing does not have it
            }

            _fileStart = start;
            Position = Math.Max(Position, start);
            return true;
        }
    }

    private long? NextSegment()
    {
        foreach (var start in JournalFormat.Segments(directory))
        {
            if (start > _fileStart)
                return Math.Max(start, Position);
        }

        return null;
    }

    private void CloseFile()
    {
        _file?.Dispose();
        _file = null;
    }
}
