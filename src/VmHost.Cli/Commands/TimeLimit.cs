using System.CommandLine;

namespace VmHost.Cli.Commands;

/// <summary>How long a command waits; it ends with 124 then, as timeout(1) does.</summary>
internal static class TimeLimit
{
    // Beyond any use, and below what a deadline can say.
    private const long MaxSeconds = 365L * 24 * 60 * 60;

    internal static Option<long?> Option() =>
        NumberSyntax.Option<long>("--timeout", "-t", "SECONDS", "Give up after that, with exit code 124 (default: never)");

    /// <summary>In seconds; null for ever.</summary>
    /// <exception cref="CliException">It is negative.</exception>
    internal static long? Of(ParseResult parsed, Option<long?> option) =>
        parsed.GetValue(option) switch
        {
            < 0 and { } seconds => throw new CliException(ExitCodes.Usage, $"--timeout wants seconds, not {seconds}"),
            var seconds => seconds,
        };

    /// <summary>When that is over, for a call that begins now.</summary>
    internal static DateTime? Deadline(long? seconds) =>
        seconds is { } limit ? TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(Math.Min(limit, MaxSeconds)) : null;
}
