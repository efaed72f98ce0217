using System.CommandLine;

namespace VmHost.Cli.Commands;

internal static class KillCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines(optional: true);
        var all = new Option<bool>("--all", "-a") { Description = "All that run" };
        var format = CommonOptions.Format();
        var command = new Command("kill", "End machines at once, as if their plug were pulled") { machines, all, format };
        command.Aliases.Add("destroy");
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var chosen = await CommonOptions.NamedOrRunningAsync(daemon, parsed.GetValue(machines)!, parsed.GetValue(all), ct);
            return await KillAsync(daemon, chosen, parsed.GetValue(format), ct);
        });
        return command;
    }

    internal static Task<int> KillAsync(Connection daemon, IEnumerable<string> machines, string? format, CancellationToken ct) =>
        CommonOptions.ForEachAsync(machines, async machine =>
        {
            var response = await daemon.Machines.KillMachineAsync(new() { Machine = machine }, cancellationToken: ct);
            CommonOptions.Print(response.Machine, format);
            return ExitCodes.Ok;
        });
}
