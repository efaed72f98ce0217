using System.Text;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// A tar on its way to the framework's reader, without what that cannot take. It takes extended headers for lines of text, where attributes
/// are bytes and paths may have line breaks; it reads metadata of any length into memory; it has no owners above 31 bits, and expects content
/// where there is none. So only plain headers reach it, and the rest is told by <see cref="Header"/>.
/// Source: POSIX.1-2017 <c>pax</c>, ustar and pax interchange formats; GNU tar's manual.
/// </summary>
/// <param name="source">The tar; not closed.</param>
/// <param name="label">To begin errors with.</param>
internal sealed class TarMetadataFilter(Stream source, string label) : ReadOnlyStream
{
    private const int BlockBytes = 512;
    private const int MaxMetadataBytes = 1 << 20;
    private const long MaxContentBytes = 1L << 60; // so that sums do not overflow; the image's own limit is far below
    private const int ChecksumAt = 148;
    private const int ChecksumLength = 8;
    private const int TypeAt = 156;
    private const string AttributePrefix = "SCHILY.xattr.";
    private const string SparsePrefix = "GNU.sparse.";
    private const string SparseName = "GNU.sparse.name";

    // Where the fields of a header are that are read here.
    private static readonly Range NameField = 0..100;
    private static readonly Range UidField = 108..116;
    private static readonly Range GidField = 116..124;
    private static readonly Range SizeField = 124..136;
    private static readonly Range TimeField = 136..148;
    private static readonly Range LinkField = 157..257;
    private static readonly Range MagicField = 257..263;
    private static readonly Range PrefixField = 345..500;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // Of the entry that comes next: its PAX records, and what GNU's tar has instead for long names.
    private readonly Dictionary<string, byte[]> _records = new(StringComparer.Ordinal);
    private byte[]? _longName;
    private byte[]? _longLink;

    private byte[] _ready = [];
    private int _taken;
    private long _content;
    private int _zeroBlocks;

    /// <summary>Of the entry whose header was read last.</summary>
    internal TarHeader Header { get; private set; } = TarHeader.None;

    /// <exception cref="LinuxKitException">An entry's name is no text, or its metadata are too long.</exception>
    /// <exception cref="InvalidDataException">It is no tar.</exception>
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

        if (header.AsSpan().IndexOfAnyExcept((byte)0) < 0)
        {
            _zeroBlocks++;
            HandOn(header);
            return;
        }

        _zeroBlocks = 0;
        var checksum = TarNumbers.OfField(header.AsSpan(ChecksumAt, ChecksumLength));
        if (checksum != Checksum(header, signed: false) && checksum != Checksum(header, signed: true)) // so some old tools count
            throw new InvalidDataException("the checksum of an entry's header is wrong");

        var size = TarNumbers.OfField(header.AsSpan()[SizeField]);
        switch ((char)header[TypeAt])
        {
            case 'x':
                TakeRecords(Metadata(size));
                break;
            case 'g':
                Metadata(size); // of all entries, which no layer has a use for
                break;
            case 'L':
                _longName = UpToNul(Metadata(size)).ToArray();
                break;
            case 'K':
                _longLink = UpToNul(Metadata(size)).ToArray();
                break;
            default:
                Entry(header, size);
                break;
        }
    }

    private void Entry(byte[] header, long size)
    {
        // Links, devices, directories and pipes have no content, whatever they say.
        size = (char)header[TypeAt] is >= '1' and <= '6' ? 0 : Number("size") ?? size;
        if (size is < 0 or > MaxContentBytes)
            throw new InvalidDataException($"an entry is to have {size} bytes");

        Span<byte> fields = header;
        var isPosix = fields[MagicField].SequenceEqual("ustar\0"u8);
        var prefix = isPosix ? UpToNul(fields[PrefixField]) : [];
        ReadOnlySpan<byte> name = [.. prefix, .. (prefix.IsEmpty ? "" : "/").Select(slash => (byte)slash), .. UpToNul(fields[NameField])];
        name = Record(SparseName) ?? Record("path") ?? _longName ?? name;
        Header = new()
        {
            Name = Decoded(name, name),
            Link = Decoded(Record("linkpath") ?? _longLink ?? UpToNul(fields[LinkField]), name),
            Uid = Number("uid") ?? TarNumbers.OfField(fields[UidField]),
            Gid = Number("gid") ?? TarNumbers.OfField(fields[GidField]),
            Time = Number("mtime") ?? TarNumbers.OfField(fields[TimeField]),
            IsSparse = _records.Keys.Any(key => key.StartsWith(SparsePrefix, StringComparison.Ordinal)),
            Attributes = _records.Count == 0 ? TarHeader.None.Attributes : _records.Where(record => record.Key.StartsWith(AttributePrefix, StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal),
        };
        _records.Clear();
        (_longName, _longLink) = (null, null);

        foreach (var taken in (Range[])[UidField, GidField, TimeField])
            TarNumbers.Write(fields[taken], 0);
        TarNumbers.Write(fields[SizeField], size);
        TarNumbers.Write(fields.Slice(ChecksumAt, ChecksumLength), Checksum(header, signed: false));
        HandOn(header);
        _content = Padded(size);
    }

    // Only what is used here is kept: anybody may invent keys. Of several headers in a row the last counts, as for Go's reader: else they would add up in memory.
    private void TakeRecords(byte[] metadata)
    {
        _records.Clear();
        for (ReadOnlySpan<byte> records = metadata; !records.IsEmpty;)
        {
            var record = FirstOf(records);
            var text = record[(record.IndexOf((byte)' ') + 1)..^1];
            var equals = text.IndexOf((byte)'=');
            if (equals <= 0)
                throw Malformed();

            var key = Encoding.UTF8.GetString(text[..equals]);
            if (key is "path" or "linkpath" or "uid" or "gid" or "mtime" or "size" || key.StartsWith(AttributePrefix, StringComparison.Ordinal) || key.StartsWith(SparsePrefix, StringComparison.Ordinal))
                _records[key] = text[(equals + 1)..].ToArray();
            records = records[record.Length..];
        }
    }

    // "LENGTH KEY=VALUE\n", where the length counts all of it.
    private static ReadOnlySpan<byte> FirstOf(ReadOnlySpan<byte> records)
    {
        var blank = records.IndexOf((byte)' ');
        return blank is > 0 and < 10 && TarNumbers.OfRecord(records[..blank]) is var length && length > blank + 1 && length <= records.Length && records[(int)length - 1] == (byte)'\n'
            ? records[..(int)length]
            : throw Malformed();
    }

    // By the standard an empty value takes an earlier one back.
    private byte[]? Record(string key) => _records.TryGetValue(key, out var value) && value.Length > 0 ? value : null;

    private long? Number(string key) => Record(key) is { } text ? TarNumbers.OfRecord(text) : null;

    private byte[] Metadata(long size)
    {
        if (size is < 0 or > MaxMetadataBytes)
            throw new LinuxKitException($"{label}: an entry has {size} bytes of metadata; more than {MaxMetadataBytes} are in no honest image");

        var padded = ReadUpTo((int)Padded(size));
        return padded.Length >= size ? padded[..(int)size] : throw Malformed();
    }

    // Two names that are no text would become one.
    private string Decoded(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> name)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException e)
        {
            throw new LinuxKitException($"{label}: the entry {Escaped(name)} has a name or a target that is no UTF-8; rename it in the image", e);
        }
    }

    private static string Escaped(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        foreach (var one in bytes)
            text.Append(one is >= 0x20 and < 0x7F ? ((char)one).ToString() : $"\\x{one:x2}");
        return text.ToString();
    }

    private static ReadOnlySpan<byte> UpToNul(ReadOnlySpan<byte> field) => field.IndexOf((byte)0) is >= 0 and var end ? field[..end] : field;

    // As if the field itself were blank.
    private static long Checksum(ReadOnlySpan<byte> header, bool signed)
    {
        var sum = (long)ChecksumLength * ' ';
        for (var at = 0; at < header.Length; at++)
        {
            if (at is < ChecksumAt or >= ChecksumAt + ChecksumLength)
                sum += signed ? (sbyte)header[at] : header[at];
        }

        return sum;
    }

    private byte[] ReadUpTo(int length)
    {
        var bytes = new byte[length];
        var read = source.ReadAtLeast(bytes, length, throwOnEndOfStream: false);
        return read == length ? bytes : bytes[..read];
    }

    private void HandOn(byte[] bytes) => (_ready, _taken) = (bytes, 0);

    private static long Padded(long size) => (size + BlockBytes - 1) / BlockBytes * BlockBytes;

    private static InvalidDataException Malformed() => new("the extended header of an entry is malformed");
}
