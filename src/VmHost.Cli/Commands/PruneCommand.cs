using System.CommandLine;
using System.Text;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class PruneCommand
{
    internal static Command Create()
    {
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask" };
        var filter = FilterSyntax.FilterOption();
        var label = FilterSyntax.LabelOption();
        var command = new Command("prune", "Delete all machines that do not run, with their console output") { yes, filter, label };
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var machines = (await daemon.ListAsync(FilterSyntax.Compose(parsed.GetValue(filter)!, parsed.GetValue(label)!), ct)).Where(ListCommand.IsAtRest).ToList();
            if (machines.Count > 0 && !parsed.GetValue(yes) && !IsConfirmed(machines))
                return ExitCodes.Failed;

            // By id: another machine may have taken a name since.
            return await MachineBatch.RunAsync(parsed, machines.Select(static machine => machine.Id), machine => RemoveCommand.DeleteAsync(daemon, machine, force: false, ct));
        });
        return command;
    }

    private static bool IsConfirmed(List<Machine> machines)
    {
        if (!StandardStreams.IsInputTerminal)
            throw new CliException(ExitCodes.Usage, $"prune needs a terminal to confirm the deletion of {machines.Count} machines; give --yes");

        Output.Note($"Delete {string.Join(", ", machines.Select(static machine => machine.Name))}, with their console output? [y/N]");
        var answer = new byte[64];
        var length = StandardStreams.Read(answer);
        return length > 0 && Encoding.UTF8.GetString(answer, 0, length).Trim() is "y" or "Y" or "yes";
    }
}
