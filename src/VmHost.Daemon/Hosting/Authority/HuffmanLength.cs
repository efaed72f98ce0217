namespace VmHost.Daemon.Hosting.Authority;

/// <summary>
/// The length of a string that is encoded with HPACK's Huffman code (RFC 7541, appendix B). The code is canonical, so the number of
/// codes of each length is enough to find the symbols' borders; which symbols they are is not needed.
/// </summary>
internal static class HuffmanLength
{
    private const int LongestCode = 30;

    // The 256 octets and the end of the string, which must not be in it.
    private const int EndSymbols = 1;
    private const int MaxPaddingBits = 7;

    // The number of codes of each length in bits, from 0.
    private static ReadOnlySpan<byte> CodesOfLength =>
        [0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4];

    /// <summary>Returns the number of octets that the string decodes to; null if it is malformed.</summary>
    internal static int? Of(ReadOnlySpan<byte> encoded)
    {
        var symbols = 0;
        var code = new Code();
        foreach (var octet in encoded)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                if (!code.Take((octet >> bit) & 1))
                    continue;
                if (code.IsEnd)
                    return null;

                symbols++;
                code = new Code();
            }
        }

        // The padding is the most significant bits of the end symbol's code: ones, and fewer than an octet.
        return code.Length <= MaxPaddingBits && code.IsAllOnes ? symbols : null;
    }

    /// <summary>The bits of a code so far, and the first code of their length.</summary>
    private struct Code
    {
        private int _bits;
        private int _first;

        internal int Length { get; private set; }

        internal readonly bool IsEnd => Length == LongestCode && _bits - _first >= CodesOfLength[LongestCode] - EndSymbols;

        internal readonly bool IsAllOnes => _bits == (1 << Length) - 1;

        /// <summary>Adds a bit; true when the code is complete.</summary>
        internal bool Take(int bit)
        {
            _first = (_first + CodesOfLength[Length]) << 1;
            _bits = (_bits << 1) | bit;
            Length++;
            return _bits - _first < CodesOfLength[Length];
        }
    }
}
