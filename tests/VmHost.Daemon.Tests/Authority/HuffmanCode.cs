namespace VmHost.Daemon.Tests.Authority;

/// <summary>The Huffman code of RFC 7541, appendix B, made from the lengths of its codes.</summary>
internal static class HuffmanCode
{
    private static readonly byte[] Lengths =
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    ];

    private static readonly uint[] Codes = MakeCodes();

    internal static byte[] Encode(ReadOnlySpan<byte> text)
    {
        var encoded = new List<byte>();
        var (pending, count) = (0UL, 0);
        foreach (var octet in text)
        {
            pending = (pending << Lengths[octet]) | Codes[octet];
            count += Lengths[octet];
            for (; count >= 8; count -= 8)
                encoded.Add((byte)(pending >> (count - 8)));
        }

        if (count > 0)
            encoded.Add((byte)((pending << (8 - count)) | (0xffUL >> count)));

        return [.. encoded];
    }

    private static uint[] MakeCodes()
    {
        var codes = new uint[Lengths.Length];
        var next = 0U;
        for (var length = 1; length <= 30; length++, next <<= 1)
        {
            for (var octet = 0; octet < codes.Length; octet++)
            {
                if (Lengths[octet] == length)
                    codes[octet] = next++;
            }
        }

        return codes;
    }
}
