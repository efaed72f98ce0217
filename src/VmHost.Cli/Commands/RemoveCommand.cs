using System.CommandLine;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class RemoveCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines(optional: true);
        var force = new Option<bool>("--force", "-f") { Description = "Kill the machine first if it is running" };
        var all = new Option<bool>("--all", "-a") { Description = "All machines that do not run; with --force all machines" };
        var command = new Command("rm", "Delete machines with their console output; kernel and initrd files stay") { machines, force, all };
        command.Aliases.Add("delete");
        command.Aliases.Add("remove");
        command.SetAction(async (parsed, ct) =>
        {
            var named = parsed.GetValue(machines)!;
            if (named.Length > 0 == parsed.GetValue(all))
                throw new CliException(ExitCodes.Usage, named.Length > 0 ? "--all goes without names" : "name machines, or give --all");

            using var daemon = Connection.Open(parsed);
            var isForced = parsed.GetValue(force);
            if (named.Length == 0)
                named = [.. (await daemon.ListAsync("", ct)).Where(machine => isForced || ListCommand.IsAtRest(machine)).Select(static machine => machine.Id)];
            return await MachineBatch.RunAsync(parsed, named, machine => DeleteAsync(daemon, machine, isForced, ct));
        });
        return command;
    }

    internal static async Task<BatchResult> DeleteAsync(Connection daemon, string machine, bool force, CancellationToken ct)
    {
        var request = new Protocol.V1.DeleteMachineRequest { Machine = machine, Force = force };
        var response = await daemon.Machines.DeleteMachineAsync(request, cancellationToken: ct);
        return new BatchResult(response.Name, MachineInfo.OfDeleted(response));
    }
}
