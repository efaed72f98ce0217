using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class ExpectCommand
{
    internal static Command Create()
    {
        var machine = CommonOptions.Machine();
        var pattern = new Argument<string>("REGEX") { Description = "What to wait for; lines end in CR LF" };
        var timeout = TimeLimit.Option();
        var from = NumberSyntax.Option<long>("--from", "-f", "OFFSET", "Where to begin (default: the last boot's begin)");
        var command = new Command("expect", "Wait for console output; print the offset after it, and it") { machine, pattern, timeout, from };
        command.SetAction(async (parsed, ct) =>
        {
            var request = new ExpectConsoleRequest { Machine = parsed.GetValue(machine), Pattern = parsed.GetValue(pattern) };
            if (parsed.GetValue(from) is { } offset)
                request.Offset = offset;

            var limit = TimeLimit.Of(parsed, timeout);
            using var daemon = Connection.Open(parsed);
            await PrintAsync(daemon, request, limit, ct);
            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>Waits for output and prints the offset after it, and it.</summary>
    /// <param name="daemon">The daemon of the machine.</param>
    /// <param name="request">The pattern and where to begin.</param>
    /// <param name="limit">In seconds; 0 for what is written by now, null for no limit.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="CliException">Nothing matched within the limit.</exception>
    internal static async Task PrintAsync(Connection daemon, ExpectConsoleRequest request, long? limit, CancellationToken ct)
    {
        request.PastOnly = limit == 0;
        try
        {
            var deadline = request.PastOnly ? null : TimeLimit.Deadline(limit);
            var found = await new ResumingExpect(daemon.Console, daemon.Machines, TimeProvider.System).FindAsync(request, deadline, ct);
            Output.VisibleLine(string.Create(CultureInfo.InvariantCulture, $"{found.Offset + found.Match.Length} {found.Match.ToStringUtf8()}"));
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded || (e.StatusCode == StatusCode.FailedPrecondition && request.PastOnly))
        {
            throw new CliException(ExitCodes.TimedOut, $"within {limit} s the console of {request.Machine} did not show: {request.Pattern}");
        }
    }
}
