using System.CommandLine;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class PauseCommands
{
    internal static Command CreatePause() =>
        Create("pause", "suspend", "Stop the guests' processors", async (daemon, machine, ct) =>
            (await daemon.Machines.PauseMachineAsync(new() { Machine = machine }, cancellationToken: ct)).Machine);

    internal static Command CreateResume() =>
        Create("resume", "unpause", "Let paused guests go on", async (daemon, machine, ct) =>
            (await daemon.Machines.ResumeMachineAsync(new() { Machine = machine }, cancellationToken: ct)).Machine);

    private static Command Create(string verb, string alias, string description, Func<Connection, string, CancellationToken, Task<Machine>> act)
    {
        var machines = CommonOptions.Machines();
        var command = new Command(verb, description) { machines };
        command.Aliases.Add(alias);
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            return await MachineBatch.RunAsync(parsed, parsed.GetValue(machines)!, async machine => BatchResult.Of(await act(daemon, machine, ct)));
        });
        return command;
    }
}
