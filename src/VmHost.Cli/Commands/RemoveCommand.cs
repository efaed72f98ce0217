using System.CommandLine;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class RemoveCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var force = new Option<bool>("--force", "-f") { Description = "Kill it first if it runs" };
        var command = new Command("rm", "Delete machines with their console output; kernel and initrd files stay") { machines, force };
        command.Aliases.Add("delete");
        command.Aliases.Add("remove");
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            return await MachineBatch.RunAsync(parsed, parsed.GetValue(machines)!, async machine =>
            {
                var request = new Protocol.V1.DeleteMachineRequest { Machine = machine, Force = parsed.GetValue(force) };
                var response = await daemon.Machines.DeleteMachineAsync(request, cancellationToken: ct);
                return new BatchResult(response.Name, MachineInfo.OfDeleted(response));
            });
        });
        return command;
    }
}
