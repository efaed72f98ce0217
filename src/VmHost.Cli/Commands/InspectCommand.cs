using System.CommandLine;
using VmHost.Cli.Manifests;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class InspectCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var command = new Command("inspect", "Show all that is known of machines, as a JSON array; with -o yaml as manifests for --spec") { machines };
        command.Aliases.Add("info");
        command.Aliases.Add("show");
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var (found, failure) = await MachineBatch.EachAsync(parsed, parsed.GetValue(machines)!, machine => daemon.GetAsync(machine, ct));
            if (CommonOptions.IsYaml(parsed))
                Output.Line(string.Join("\n---\n", found.Select(ManifestWriter.Write)));
            else
                Output.Line(MachineJson.Of([.. found.Select(MachineInfo.Of)]));
            return failure;
        });
        return command;
    }
}
