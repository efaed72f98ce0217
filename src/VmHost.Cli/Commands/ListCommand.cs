using System.CommandLine;
using System.Globalization;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class ListCommand
{
    private static readonly string[] Header = ["NAME", "ID", "STATE", "HYPERVISOR", "CPUS", "MEMORY", "PORTS", "UPTIME", "EXIT"];

    internal static Command Create(string name, string description, bool allByDefault, params string[] aliases)
    {
        var all = new Option<bool>("--all", "-a") { Description = "Also those that do not run" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Names only" };
        var format = CommonOptions.Format();
        var command = new Command(name, description) { all, quiet, format };
        foreach (var alias in aliases)
            command.Aliases.Add(alias);

        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var list = await daemon.Machines.ListMachinesAsync(new(), cancellationToken: ct);
            Machine[] shown = [.. list.Machines.Where(machine => allByDefault || parsed.GetValue(all) || MayRun(machine))];
            if (parsed.GetValue(format) == CommonOptions.Json)
                Output.Line(MachineJson.Of(shown));
            else if (parsed.GetValue(quiet))
                Array.ForEach(shown, machine => Output.Line(machine.Name));
            else
                Output.Line(string.Join('\n', Table.Lines(Header, shown.Select(Row))));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static bool MayRun(Machine machine) =>
        machine.State is not (MachineState.Created or MachineState.Stopped or MachineState.Failed);

    private static IReadOnlyList<string> Row(Machine machine) =>
    [
        machine.Name,
        machine.Id,
        Describe.State(machine.State),
        Describe.Hypervisor(machine.Spec?.Hypervisor),
        machine.Spec?.CpuCount.ToString(CultureInfo.InvariantCulture) ?? "-",
        machine.Spec is { } spec ? Describe.Memory(spec.MemoryBytes) : "-",
        machine.Spec?.PublishedPorts.Count > 0 ? string.Join(',', machine.Spec.PublishedPorts.Select(Describe.Port)) : "-",
        machine.HasHypervisorPid ? Describe.Duration(TimeProvider.System.GetUtcNow() - machine.StartTime.ToDateTimeOffset()) : "-",
        machine.HasHypervisorPid ? "-" : Describe.Exit(machine.LastExit),
    ];
}
