using System.CommandLine;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class WaitCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var format = CommonOptions.Format();
        var command = new Command("wait", "Wait until machines do not run; print why they ended and exit by it") { machines, format };
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            return await CommonOptions.ForEachAsync(parsed.GetValue(machines)!, async name =>
            {
                var machine = (await daemon.Machines.WaitMachineAsync(new() { Machine = name }, cancellationToken: ct)).Machine;
                Output.Line(parsed.GetValue(format) == CommonOptions.Json ? MachineJson.Of(machine) : Describe.Exit(machine.LastExit));
                return ExitCodes.Of(machine.LastExit);
            });
        });
        return command;
    }
}
