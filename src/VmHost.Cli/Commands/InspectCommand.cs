using System.CommandLine;
using VmHost.Cli.Terminal;

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
            var (found, failure) = await MachineBatch.EachAsync(
                parsed, parsed.GetValue(machines)!, async machine => MachineInfo.Of(await daemon.GetAsync(machine, ct)));
            Output.Line(MachineJson.Of([.. found]));
            return failure;
        });
        return command;
    }
}
