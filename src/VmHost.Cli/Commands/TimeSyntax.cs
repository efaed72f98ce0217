using System.Globalization;

namespace VmHost.Cli.Commands;

/// <summary>Moments as people type them: how long ago, or when.</summary>
internal static class TimeSyntax
{
    private const string Wanted = "a time ago (90, 90s, 10m, 2h, 3d), or a time (2026-11-24T13:50:00Z; without a zone: this host's)";

    /// <param name="label">The flag, for errors.</param>
    /// <param name="text">As it was written.</param>
    /// <param name="now">The moment to count back from.</param>
    /// <exception cref="CliException">It is no such thing.</exception>
    internal static DateTimeOffset Parse(string label, string text, DateTimeOffset now)
    {
        var (number, unit) = text.Length > 0 && char.IsAsciiLetterLower(text[^1]) ? (text[..^1], text[^1]) : (text, 's');
        var seconds = unit switch
        {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            _ => 0,
        };
        if (seconds > 0 && double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count))
        {
            var ago = count * seconds;
            return ago < (now - DateTimeOffset.UnixEpoch).TotalSeconds ? now - TimeSpan.FromSeconds(ago) : DateTimeOffset.UnixEpoch;
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out var time)
            ? time
            : throw new CliException(ExitCodes.Usage, $"{label} wants {Wanted}, not '{text}'");
    }
}
