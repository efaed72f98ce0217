using VmHost.ShimContract.Posix;

namespace VmHost.ShimContract.Journal;

/// <summary>The segment that is being written, with its index.</summary>
internal sealed class JournalSegment : IDisposable
{
    // rw-------
    private const int OwnerOnly = 0x180;

    private readonly int _data;
    private readonly int _index;

    private JournalSegment(long start, long size, int data, int index) =>
        (Start, Size, _data, _index) = (start, size, data, index);

    /// <summary>Offset of its first byte in the journal.</summary>
    internal long Start { get; }

    /// <summary>Bytes in it.</summary>
    internal long Size { get; private set; }

    /// <summary>Opens the segment at its end, making it if it is not there. The torn end of an index is cut off.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    internal static JournalSegment Open(string directory, long start)
    {
        var path = JournalFormat.SegmentPath(directory, start);
        var flags = Descriptor.WriteOnly | Descriptor.Append | Descriptor.Create | Descriptor.NoFollow;
        var data = Descriptor.Open(path, flags, OwnerOnly);
        try
        {
            var indexPath = JournalFormat.IndexPath(directory, start);
            var index = Descriptor.Open(indexPath, flags, OwnerOnly);
            var torn = new FileInfo(indexPath).Length % JournalIndexRecord.Size;
            if (torn != 0)
            {
                using var file = new FileStream(indexPath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                file.SetLength(file.Length - torn);
            }

            return new JournalSegment(start, new FileInfo(path).Length, data, index);
        }
        catch (IOException)
        {
            Descriptor.Close(data);
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

    // An index record that cannot be written costs a time stamp, no console byte: it is not worth an error. A record
    // that was written in part is cut off when the segment is opened again, and passed over by readers until then.
    internal void AppendIndex(JournalIndexRecord record)
    {
        Span<byte> bytes = stackalloc byte[JournalIndexRecord.Size];
        record.WriteTo(bytes);
        _ = Descriptor.Write(_index, bytes);
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
