using System.CommandLine;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class StartCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var format = CommonOptions.Format();
        var command = new Command("start", "Start machines that do not run") { machines, format };
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            return await CommonOptions.ForEachAsync(parsed.GetValue(machines)!, async machine =>
            {
                var response = await daemon.Machines.StartMachineAsync(new() { Machine = machine }, cancellationToken: ct);
                foreach (var warning in response.Warnings)
                    Output.Note($"vmctl: warning: {warning}");
                CommonOptions.Print(response.Machine, parsed.GetValue(format));
                return ExitCodes.Ok;
            });
        });
        return command;
    }
}
