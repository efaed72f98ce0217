using System.Globalization;

namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>The value of <c>-m</c> as <c>parse_memsize</c> and <c>expand_number</c> read it.</summary>
internal static class MemorySize
{
    private const long Mebibyte = 1 << 20;
    private const string Suffixes = "bkmgtpe";

    internal static long Parse(string value)
    {
        var (number, end) = UnsignedLong(value);
        if (end == value.Length)
            return number < Mebibyte ? number * Mebibyte : number;   // MiB, but bytes from a million on

        var power = Suffixes.IndexOf(char.ToLowerInvariant(value[end]), StringComparison.Ordinal);
        if (power < 0)
            throw new Refusal($"invalid memsize '{value}'", Refusal.BadArgument);

        return number << (10 * power);   // whatever follows the letter is not looked at
    }

    // strtoul with base 0: hexadecimal after 0x, octal after 0.
    private static (long Number, int End) UnsignedLong(string text)
    {
        var (radix, begin) = text switch
        {
            ['0', 'x' or 'X', ..] => (16, 2),
            ['0', ..] => (8, 0),
            _ => (10, 0),
        };
        var end = begin;
        var number = 0L;
        while (end < text.Length && Digit(text[end]) is var digit && digit < radix)
        {
            number = (number * radix) + digit;
            end++;
        }

        return (number, end);
    }

    private static int Digit(char letter) =>
        char.IsAsciiHexDigit(letter) ? int.Parse([letter], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : int.MaxValue;
}
