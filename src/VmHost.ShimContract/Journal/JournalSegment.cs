using VmHost.Posix;

namespace VmHost.ShimContract.Journal;

/// <summary>The segment that is being written, with its index.</summary>
internal sealed class JournalSegment : IDisposable
{
    // rw-------
    private const int OwnerOnly = 0x180;

    private readonly int _data;
    private readonly int _index;
    private long _indexSize;

    private JournalSegment(long start, long size, int data, int index, long indexSize) =>
        (Start, Size, _data, _index, _indexSize) = (start, size, data, index, indexSize);

    /// <summary>Offset of its first byte in the journal.</summary>
    internal long Start { get; }

    /// <summary>Bytes in it.</summary>
    internal long Size { get; private set; }

    /// <summary>Bytes in its index.</summary>
    internal long IndexSize => _indexSize;

    /// <summary>Opens the segment at its end, making it if it is not there. The torn end of an index is cut off.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    internal static JournalSegment Open(string directory, long start)
    {
        var path = JournalFormat.SegmentPath(directory, start);
        var flags = Descriptor.WriteOnly | Descriptor.Append | Descriptor.Create | Descriptor.NoFollow;
        var isNew = !File.Exists(path);
        var data = Descriptor.Open(path, flags, OwnerOnly);
        try
        {
            var indexPath = JournalFormat.IndexPath(directory, start);
            var index = Descriptor.Open(indexPath, flags, OwnerOnly);
            var found = new FileInfo(indexPath).Length;
            var whole = found - (found % JournalIndexRecord.Size);
            if (whole != found)
                Descriptor.TryTruncate(index, whole);

            return new JournalSegment(start, new FileInfo(path).Length, data, index, whole);
        }
        catch (IOException)
        {
            Descriptor.Close(data);

            // Its name says where the journal ends.
            if (isNew)
                File.Delete(path);
            throw;
        }
    }

    /// <summary>Bytes written, perhaps fewer than given; -1 when the disk refuses.</summary>
    internal int Append(ReadOnlySpan<byte> data)
    {
        var count = Descriptor.Write(_data, data);
        if (count > 0)
            Size += count;

        return count;
    }

    // An index record that cannot be written costs a time stamp, no console byte: it is not worth an error. One that is
    // written in part is taken back, or those behind it could not be found.
    internal void AppendIndex(JournalIndexRecord record)
    {
        Span<byte> bytes = stackalloc byte[JournalIndexRecord.Size];
        record.WriteTo(bytes);
        var written = Descriptor.Write(_index, bytes);
        if (written == bytes.Length)
            _indexSize += written;
        else if (written > 0)
            Descriptor.TryTruncate(_index, _indexSize);
    }

    // A kill of any process loses nothing that was written; the flush is for power failures, and an error in it leaves
    // the journal as good as it can be.
    internal void TryFlush()
    {
        try
        {
            Descriptor.Flush(_data);
            Descriptor.Flush(_index);
        }
        catch (PosixException)
        {
            // Said above.
        }
    }

    public void Dispose()
    {
        Descriptor.Close(_data);
        Descriptor.Close(_index);
    }
}
