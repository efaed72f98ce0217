using System.CommandLine;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class InspectCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var command = new Command("inspect", "Show all that is known of machines, as a JSON array") { machines };
        command.Aliases.Add("info");
        command.Aliases.Add("show");
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var found = new List<Machine>();
            var code = await CommonOptions.ForEachAsync(parsed.GetValue(machines)!, async machine =>
            {
                found.Add((await daemon.Machines.GetMachineAsync(new() { Machine = machine }, cancellationToken: ct)).Machine);
                return ExitCodes.Ok;
            });
            Output.Line(MachineJson.Of(found));
            return code;
        });
        return command;
    }
}
