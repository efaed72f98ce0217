using System.Globalization;

namespace VmHost.LinuxKit.Layers;

/// <summary>Numbers in tar headers. Source: POSIX.1-2017 <c>pax</c>; GNU tar's manual, "Extensions to standard format".</summary>
internal static class TarNumbers
{
    /// <summary>Of a header's field: octal digits, or, behind a set first bit, a binary number.</summary>
    /// <exception cref="InvalidDataException">It is neither, or has more than 64 bits.</exception>
    internal static long OfField(ReadOnlySpan<byte> field)
    {
        if ((field[0] & 0x80) != 0)
            return Binary(field);

        var end = field.IndexOf((byte)0);
        var value = 0L;
        foreach (var digit in (end < 0 ? field : field[..end]).Trim((byte)' '))
        {
            if (digit is < (byte)'0' or > (byte)'7')
                throw new InvalidDataException("a number in the header of an entry is none");
            value = value * 8 + (digit - '0'); // 12 digits have 36 bits
        }

        return value;
    }

    /// <summary>Of a PAX record: a decimal number; what is behind the point is floored away.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    internal static long OfRecord(ReadOnlySpan<byte> text)
    {
        var point = text.IndexOf((byte)'.');
        var whole = point < 0 ? text : text[..point];
        if (!long.TryParse(whole, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            throw new InvalidDataException("a number in the extended header of an entry is none");

        var hasRest = point >= 0 && text[(point + 1)..].IndexOfAnyExcept((byte)'0') >= 0;
        return hasRest && text[0] == (byte)'-' ? value - 1 : value;
    }

    /// <summary>Writes a number that is not negative: octal where that fits.</summary>
    internal static void Write(Span<byte> field, long value)
    {
        var digits = field.Length - 1;
        field.Clear();
        if (value >> (3 * digits) == 0)
        {
            for (var at = digits - 1; at >= 0; at--, value >>= 3)
                field[at] = (byte)('0' + (value & 7));
        }
        else
        {
            System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(field[^8..], value);
            field[0] = 0x80;
        }
    }

    // The second bit is the sign.
    private static long Binary(ReadOnlySpan<byte> field)
    {
        var isNegative = (field[0] & 0x40) != 0;
        Int128 value = isNegative ? -1 : 0;
        for (var at = 0; at < field.Length; at++)
            value = (value << 8) | (at > 0 || isNegative ? field[at] : field[at] & 0x7F);
        return value >= long.MinValue && value <= long.MaxValue ? (long)value : throw new InvalidDataException("a number in the header of an entry has more than 64 bits");
    }
}
