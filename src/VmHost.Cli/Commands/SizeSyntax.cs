using System.Globalization;

namespace VmHost.Cli.Commands;

/// <summary>Sizes as people type them: a bare number is MiB, as for LinuxKit and xhyve; units are powers of 1024.</summary>
internal static class SizeSyntax
{
    private const int MaxShown = 40;

    /// <summary>Bytes, a fraction of one cut off. Negative and absurd ones too: what makes sense is the daemon's matter.</summary>
    /// <exception cref="CliException">It is no size, or more than a number of 64 bits holds.</exception>
    internal static long Parse(string flag, string text)
    {
        var unitLength = text.Reverse().TakeWhile(char.IsAsciiLetter).Count();
        decimal? unit = text[^unitLength..].ToUpperInvariant() switch
        {
            "B" => 1,
            "K" or "KB" or "KIB" => 1L << 10,
            "" or "M" or "MB" or "MIB" => 1L << 20,
            "G" or "GB" or "GIB" => 1L << 30,
            "T" or "TB" or "TIB" => 1L << 40,
            _ => null,
        };
        if (unit is null || !decimal.TryParse(text[..^unitLength], NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            throw new CliException(ExitCodes.Usage, $"{flag} wants a size such as 256 (MiB), 512M or 1.5G, not '{Shown(text)}'");

        return Math.Abs(number) < long.MaxValue / unit.Value
            ? (long)(number * unit.Value)
            : throw new CliException(ExitCodes.Usage, $"{flag}: '{Shown(text)}' is more than any machine has");
    }

    // Longer than any size. The rest of a text that was given by mistake does not help the reader.
    private static string Shown(string text) => text.Length <= MaxShown ? text : $"{text[..MaxShown]}…";
}
