namespace VmHost.Daemon.Hosting.Authority;

/// <summary>The kinds of representations of RFC 7541, section 6.</summary>
internal enum HpackFieldKind
{
    /// <summary>An entry of a table: name and value.</summary>
    Indexed,

    /// <summary>A literal value that is added to the dynamic table.</summary>
    Indexing,

    /// <summary>A literal value that is not added.</summary>
    NotIndexing,

    /// <summary>No field, but a new size of the dynamic table.</summary>
    TableSize,
}

/// <summary>A string of a header block.</summary>
/// <param name="octets">As they were sent.</param>
/// <param name="isHuffman">They are in the Huffman code.</param>
internal readonly ref struct HpackString(ReadOnlySpan<byte> octets, bool isHuffman)
{
    internal ReadOnlySpan<byte> Octets { get; } = octets;

    internal bool IsHuffman => isHuffman;

    /// <summary>In octets; null if the string is malformed.</summary>
    internal int? DecodedLength => isHuffman ? HuffmanLength.Of(Octets) : Octets.Length;
}

/// <summary>A representation in a header block.</summary>
internal readonly ref struct HpackField
{
    internal HpackFieldKind Kind { get; init; }

    /// <summary>Of the entry or of the entry with the name, 0 for a literal name; or the new size of the table, in octets.</summary>
    internal int Index { get; init; }

    /// <summary>Of a literal name.</summary>
    internal HpackString Name { get; init; }

    /// <summary>Of a literal value.</summary>
    internal HpackString Value { get; init; }

    /// <summary>Where the string of the value begins, in octets from the begin of the representation.</summary>
    internal int ValueStart { get; init; }

    internal bool HasValue => Kind is HpackFieldKind.Indexing or HpackFieldKind.NotIndexing;
}

/// <summary>Reads the representations of a header block one after another, without looking up or decoding any.</summary>
/// <param name="block">The block.</param>
internal ref struct HpackReader(ReadOnlySpan<byte> block)
{
    // An integer of more octets than this is larger than any block.
    private const int MaxIntegerOctets = 4;

    private readonly ReadOnlySpan<byte> _block = block;

    /// <summary>Of the next representation.</summary>
    internal int Position { get; private set; }

    internal readonly bool IsAtEnd => Position == _block.Length;

    /// <summary>Reads the next representation.</summary>
    /// <returns>False if it is malformed.</returns>
    internal bool TryReadField(out HpackField field)
    {
        field = default;
        var start = Position;
        var (kind, prefixBits) = KindOf(_block[Position]);
        if (!TryReadInteger(prefixBits, out var index))
            return false;

        field = new() { Kind = kind, Index = index };
        if (!field.HasValue)
            return true;

        HpackString name = default;
        if (index == 0 && !TryReadString(out name))
            return false;

        var valueStart = Position - start;
        if (!TryReadString(out var value))
            return false;

        field = new() { Kind = kind, Index = index, Name = name, Value = value, ValueStart = valueStart };
        return true;
    }

    private static (HpackFieldKind Kind, int PrefixBits) KindOf(byte first) =>
        first switch
        {
            >= 0x80 => (HpackFieldKind.Indexed, 7),
            >= 0x40 => (HpackFieldKind.Indexing, 6),
            >= 0x20 => (HpackFieldKind.TableSize, 5),
            _ => (HpackFieldKind.NotIndexing, 4),
        };

    private bool TryReadString(out HpackString text)
    {
        text = default;
        if (IsAtEnd)
            return false;

        var isHuffman = _block[Position] >= 0x80;
        if (!TryReadInteger(7, out var length) || length > _block.Length - Position)
            return false;

        text = new(_block.Slice(Position, length), isHuffman);
        Position += length;
        return true;
    }

    private bool TryReadInteger(int prefixBits, out int value)
    {
        var prefix = (1 << prefixBits) - 1;
        value = _block[Position++] & prefix;
        if (value < prefix)
            return true;

        for (var octet = 0; octet < MaxIntegerOctets && !IsAtEnd; octet++)
        {
            var next = _block[Position++];
            value += (next & 0x7f) << (7 * octet);
            if (next < 0x80)
                return true;
        }

        return false;
    }
}
