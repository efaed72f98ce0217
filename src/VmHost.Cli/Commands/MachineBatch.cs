using System.CommandLine;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>What was done with one machine of several.</summary>
/// <param name="Line">For a person.</param>
/// <param name="View">For a program.</param>
/// <param name="ExitCode">What the command is to exit with because of it.</param>
internal sealed record BatchResult(string Line, MachineInfo View, int ExitCode = ExitCodes.Ok)
{
    internal static BatchResult Of(Machine machine) => new(machine.Name, MachineInfo.Of(machine));
}

/// <summary>
/// Does the same with several machines at the same time: one that is stuck holds up no other, one that fails does not
/// keep the others from it.
/// </summary>
internal static class MachineBatch
{
    /// <summary>
    /// Prints each one's line when it is done, or at the end a JSON array in the order given. Returns the code of the
    /// first one, in that order, that is not 0.
    /// </summary>
    internal static async Task<int> RunAsync(ParseResult parsed, IEnumerable<string> machines, Func<string, Task<BatchResult>> action)
    {
        var json = CommonOptions.IsStructured(parsed);

        // One line at a time; guards stdout.
        var printing = new Lock();
        var (results, failure) = await EachAsync(parsed, machines, async machine =>
        {
            var result = await action(machine);
            if (!json)
            {
                lock (printing)
                    Output.VisibleLine(result.Line);
            }

            return result;
        });
        if (json)
            CommonOptions.Print(parsed, MachineJson.Of([.. results.Select(result => result.View)]));

        return failure != ExitCodes.Ok ? failure : results.Select(result => result.ExitCode).FirstOrDefault(code => code != ExitCodes.Ok);
    }

    /// <summary>What became of those that went well, and the code of the first failure, both in the order given.</summary>
    internal static async Task<(IReadOnlyList<T> Results, int Failure)> EachAsync<T>(
        ParseResult parsed, IEnumerable<string> machines, Func<string, Task<T>> action)
        where T : class
    {
        var verb = parsed.CommandResult.Command.Name;
        var outcomes = await Task.WhenAll(machines.Distinct().Select(async machine =>
        {
            try
            {
                return (Result: await action(machine), Code: ExitCodes.Ok);
            }
            catch (RpcException e) when (IsOfOneMachine(e))
            {
                return (Result: (T?)null, Code: Errors.Report(e, $"{verb} {machine}"));
            }
        }));
        return ([.. outcomes.Select(outcome => outcome.Result).OfType<T>()], outcomes.Select(outcome => outcome.Code).FirstOrDefault(code => code != ExitCodes.Ok));
    }

    /// <summary>Those named, or all that run.</summary>
    internal static async Task<IReadOnlyList<string>> NamedOrRunningAsync(Connection daemon, string[] named, bool all, CancellationToken ct)
    {
        if (named.Length > 0 == all)
            throw new CliException(ExitCodes.Usage, all ? "--all goes without names" : "name machines, or give --all for all that run");

        return all ? [.. (await daemon.ListAsync("", ct)).Where(machine => machine.HasHypervisorPid).Select(machine => machine.Id)] : named;
    }

    // A daemon that is not there is told once, not for each.
    private static bool IsOfOneMachine(RpcException e) => e.StatusCode != StatusCode.Cancelled && DaemonUnreachableException.Find(e) is null;
}
