using System.CommandLine;

namespace VmHost.Cli.Commands;

internal static class UpdateCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var restart = RestartSyntax.Option();
        restart.Required = true;
        restart.Description = "Start them again: no, on-failure[:N], always or unless-stopped";
        var command = new Command("update", "Change the restart policy of machines, running or not") { machines, restart };
        command.Aliases.Add("set");
        command.SetAction(async (parsed, ct) =>
        {
            var policy = RestartSyntax.Parse("--restart", parsed.GetValue(restart)!);
            using var daemon = Connection.Open(parsed);
            return await MachineBatch.RunAsync(parsed, parsed.GetValue(machines)!, async machine =>
                BatchResult.Of((await daemon.Machines.UpdateMachineAsync(new() { Machine = machine, RestartPolicy = policy }, cancellationToken: ct)).Machine));
        });
        return command;
    }
}
