using System.CommandLine;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class StartCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var command = new Command("start", "Start machines that do not run") { machines };
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            return await MachineBatch.RunAsync(parsed, parsed.GetValue(machines)!, async machine =>
            {
                var response = await daemon.Machines.StartMachineAsync(new() { Machine = machine }, cancellationToken: ct);
                Output.Warnings(response.Warnings);
                return BatchResult.Of(response.Machine);
            });
        });
        return command;
    }
}
