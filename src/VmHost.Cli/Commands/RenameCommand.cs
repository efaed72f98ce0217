using System.CommandLine;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class RenameCommand
{
    internal static Command Create()
    {
        var machine = CommonOptions.Machine();
        var name = new Argument<string>("NAME") { Description = "New name" };
        var command = new Command("rename", "Rename a machine, running or not") { machine, name };
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var request = new Protocol.V1.RenameMachineRequest { Machine = parsed.GetValue(machine)!, NewName = parsed.GetValue(name)! };
            var renamed = (await daemon.Machines.RenameMachineAsync(request, cancellationToken: ct)).Machine;
            if (CommonOptions.IsStructured(parsed))
                CommonOptions.Print(parsed, MachineJson.Of(MachineInfo.Of(renamed)));
            else
                Output.VisibleLine(renamed.Name);
            return ExitCodes.Ok;
        });
        return command;
    }
}
