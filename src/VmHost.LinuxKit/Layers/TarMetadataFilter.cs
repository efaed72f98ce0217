using System.Globalization;
using System.Text;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// A tar on its way to the framework's reader, without what that cannot take: extended attributes are bytes, and it takes them for lines of text;
/// and metadata of any length would be read into memory. Source: POSIX.1-2017 <c>pax</c>, ustar and pax interchange formats.
/// </summary>
/// <param name="source">The tar; not closed.</param>
/// <param name="label">To begin errors with.</param>
internal sealed class TarMetadataFilter(Stream source, string label) : ReadOnlyStream
{
    private const int BlockBytes = 512;
    private const int MaxMetadataBytes = 1 << 20;
    private const int SizeAt = 124;
    private const int SizeLength = 12;
    private const int ChecksumAt = 148;
    private const int ChecksumLength = 8;
    private const int TypeAt = 156;
    private const string AttributePrefix = "SCHILY.xattr.";

    private Dictionary<string, byte[]> _coming = [];
    private long? _comingSize;
    private byte[] _ready = [];
    private int _taken;
    private long _content;
    private int _zeroBlocks;

    /// <summary>Extended attributes, by their PAX names, of the entry whose header was read last.</summary>
    internal IReadOnlyDictionary<string, byte[]> Attributes { get; private set; } = new Dictionary<string, byte[]>();

    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;

        // Two empty blocks end an archive; what is behind them nobody interprets.
        while (_taken == _ready.Length && _content == 0 && _zeroBlocks < 2)
        {
            NextHeader();
        }

        if (_taken < _ready.Length)
        {
            var ready = Math.Min(buffer.Length, _ready.Length - _taken);
            _ready.AsSpan(_taken, ready).CopyTo(buffer);
            _taken += ready;
            return ready;
        }

        var count = source.Read(_zeroBlocks < 2 ? buffer[..(int)Math.Min(buffer.Length, _content)] : buffer);
        _content -= _zeroBlocks < 2 ? count : 0;
        return count;
    }

    private void NextHeader()
    {
        var header = ReadUpTo(BlockBytes);
        if (header.Length < BlockBytes)
        {
            // Not every tool ends its archives, and what is cut off shows by its digest.
            HandOn(header.Length > 0 ? header : new byte[2 * BlockBytes]);
            _zeroBlocks = 2;
            return;
        }

        _zeroBlocks = header.AsSpan().IndexOfAnyExcept((byte)0) < 0 ? _zeroBlocks + 1 : 0;
        var size = SizeOf(header);
        switch ((char)header[TypeAt])
        {
            case 'x':
                Metadata(header, size);
                return;
            case 'g' or 'L' or 'K':
                CheckMetadata(size);
                break;
            default:
                (Attributes, _coming) = (_coming, []);
                (size, _comingSize) = (_comingSize ?? size, null);
                break;
        }

        HandOn(header);
        _content = Padded(size);
    }

    private void Metadata(byte[] header, long size)
    {
        CheckMetadata(size);
        var records = ReadUpTo((int)Padded(size)).AsSpan();
        if (records.Length < size)
            throw Malformed();

        using var kept = new MemoryStream();
        for (records = records[..(int)size]; !records.IsEmpty;)
        {
            var record = Record(records);
            var text = record[(record.IndexOf((byte)' ') + 1)..^1];
            var key = text.IndexOf((byte)'=') is > 0 and var equals ? Encoding.UTF8.GetString(text[..equals]) : throw Malformed();
            var value = text[(equals + 1)..];
            if (key.StartsWith(AttributePrefix, StringComparison.Ordinal))
                _coming[key] = value.ToArray();
            else
                kept.Write(record);
            if (key == "size")
                _comingSize = long.TryParse(Encoding.UTF8.GetString(value), NumberStyles.None, CultureInfo.InvariantCulture, out var large) ? large : throw Malformed();
            records = records[record.Length..];
        }

        if (kept.Length == 0)
            return; // the entry's own header is enough

        var length = (int)kept.Length;
        kept.SetLength(Padded(length));
        HandOn([.. Resized(header, length), .. kept.ToArray()]);
    }

    // "LENGTH KEY=VALUE\n", where the length counts all of it.
    private ReadOnlySpan<byte> Record(ReadOnlySpan<byte> records)
    {
        var blank = records.IndexOf((byte)' ');
        return blank is > 0 and < 10 && int.TryParse(records[..blank], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            && length > blank + 1 && length <= records.Length && records[length - 1] == (byte)'\n'
            ? records[..length]
            : throw Malformed();
    }

    private static byte[] Resized(byte[] header, int size)
    {
        Encoding.ASCII.GetBytes(Convert.ToString(size, 8).PadLeft(SizeLength - 1, '0') + "\0").CopyTo(header, SizeAt);
        header.AsSpan(ChecksumAt, ChecksumLength).Fill((byte)' ');
        Encoding.ASCII.GetBytes(Convert.ToString(header.Sum(value => value), 8).PadLeft(6, '0') + "\0").CopyTo(header, ChecksumAt);
        return header;
    }

    private void CheckMetadata(long size)
    {
        if (size > MaxMetadataBytes)
            throw new LinuxKitException($"{label}: an entry has {size} bytes of metadata; more than {MaxMetadataBytes} are in no honest image");
    }

    // Octal, or a number of 64 bits behind a set first bit. What is neither the reader refuses.
    private static long SizeOf(byte[] header)
    {
        var field = header.AsSpan(SizeAt, SizeLength);
        if ((field[0] & 0x80) != 0)
            return Math.Max(0, System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(field[4..]));

        var size = 0L;
        foreach (var digit in field.Trim((byte)' '))
        {
            if (digit is < (byte)'0' or > (byte)'7')
                break;
            size = size * 8 + (digit - '0');
        }

        return size;
    }

    private byte[] ReadUpTo(int length)
    {
        var bytes = new byte[length];
        var read = source.ReadAtLeast(bytes, length, throwOnEndOfStream: false);
        return read == length ? bytes : bytes[..read];
    }

    private void HandOn(byte[] bytes) => (_ready, _taken) = (bytes, 0);

    private static long Padded(long size) => (size + BlockBytes - 1) / BlockBytes * BlockBytes;

    private LinuxKitException Malformed() => new($"{label} is no sound tar: the extended header of an entry is malformed");
}
