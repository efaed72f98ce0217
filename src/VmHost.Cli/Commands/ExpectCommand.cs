using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class ExpectCommand
{
    // Beyond any use, and below what a deadline can say.
    private const long MaxSeconds = 365L * 24 * 60 * 60;

    internal static Command Create()
    {
        var machine = CommonOptions.Machine();
        var pattern = new Argument<string>("REGEX") { Description = "What to wait for; lines end in CR LF" };
        var timeout = NumberSyntax.Option<long>("--timeout", "-t", "SECONDS", "Give up after that, with exit code 124 (default: never)");
        var from = NumberSyntax.Option<long>("--from", "-f", "OFFSET", "Where to begin (default: the last boot's begin)");
        var command = new Command("expect", "Wait for console output; print the offset behind it, and it") { machine, pattern, timeout, from };
        command.SetAction(async (parsed, ct) =>
        {
            var request = new ExpectConsoleRequest { Machine = parsed.GetValue(machine), Pattern = parsed.GetValue(pattern) };
            if (parsed.GetValue(from) is { } offset)
                request.Offset = offset;

            var seconds = parsed.GetValue(timeout);
            if (seconds < 0)
                throw new CliException(ExitCodes.Usage, $"--timeout wants seconds, not {seconds}");

            using var daemon = Connection.Open(parsed);
            try
            {
                DateTime? deadline = seconds is { } limit ? TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(Math.Min(limit, MaxSeconds)) : null;
                var found = await daemon.Console.ExpectConsoleAsync(request, deadline: deadline, cancellationToken: ct);
                var behind = found.Offset + found.Match.Length;
                Output.VisibleLine(string.Create(CultureInfo.InvariantCulture, $"{behind} {found.Match.ToStringUtf8()}"));
                return ExitCodes.Ok;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
            {
                throw new CliException(ExitCodes.TimedOut, $"within {seconds} s the console of {request.Machine} did not show: {request.Pattern}");
            }
        });
        return command;
    }
}
