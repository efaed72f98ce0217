using System.CommandLine;

namespace VmHost.Cli.Commands;

internal static class KillCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines(optional: true);
        var all = CommonOptions.All();
        var command = new Command("kill", "End machines at once, as if their plug were pulled") { machines, all };
        command.Aliases.Add("destroy");
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var chosen = await MachineBatch.NamedOrRunningAsync(daemon, parsed.GetValue(machines)!, parsed.GetValue(all), ct);
            return await MachineBatch.RunAsync(parsed, chosen, machine => KillAsync(daemon, machine, ct));
        });
        return command;
    }

    internal static async Task<BatchResult> KillAsync(Connection daemon, string machine, CancellationToken ct) =>
        BatchResult.Of((await daemon.Machines.KillMachineAsync(new() { Machine = machine }, cancellationToken: ct)).Machine);
}
