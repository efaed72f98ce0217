using System.CommandLine;
using System.Globalization;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Restart policies as people type them: Docker's words.</summary>
internal static class RestartSyntax
{
    private const string OnFailure = "on-failure";

    internal static Option<string?> Option() =>
        new("--restart") { Description = "Start it again: no (default), on-failure[:N], always or unless-stopped", HelpName = "POLICY" };

    /// <summary>no, on-failure[:N], always or unless-stopped.</summary>
    /// <param name="label">The flag or the place in a manifest, for errors.</param>
    /// <param name="text">As it was written.</param>
    /// <exception cref="CliException">It is none of these.</exception>
    internal static RestartPolicy Parse(string label, string text) =>
        text.Split(':') switch
        {
            ["no"] => new() { Mode = RestartMode.No },
            ["always"] => new() { Mode = RestartMode.Always },
            ["unless-stopped"] => new() { Mode = RestartMode.UnlessStopped },
            [OnFailure] => new() { Mode = RestartMode.OnFailure },
            [OnFailure, var retries] when int.TryParse(retries, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0 =>
                new() { Mode = RestartMode.OnFailure, MaxRetries = count },
            [OnFailure, var retries] => throw new CliException(ExitCodes.Usage, $"{label}: on-failure takes a number of retries from 1, not '{retries}'"),
            _ => throw new CliException(ExitCodes.Usage, $"{label} wants no, on-failure, on-failure:N, always or unless-stopped, not '{text}'"),
        };
}
