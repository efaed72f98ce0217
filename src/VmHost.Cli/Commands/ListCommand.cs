using System.CommandLine;
using System.Globalization;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class ListCommand
{
    internal static readonly string[] Header = ["NAME", "ID", "STATE", "HYPERVISOR", "CPUS", "MEMORY", "PORTS", "UPTIME", "EXIT"];

    internal static Command Create(string name, string description, bool allByDefault, params string[] aliases)
    {
        var all = new Option<bool>("--all", "-a") { Description = "Also those that do not run" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Names only" };
        var filter = FilterSyntax.FilterOption();
        var label = FilterSyntax.LabelOption();
        var command = new Command(name, description) { all, quiet, filter, label };
        foreach (var alias in aliases)
            command.Aliases.Add(alias);

        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var text = FilterSyntax.Compose(parsed.GetValue(filter)!, parsed.GetValue(label)!);
            var list = await daemon.ListAsync(text, ct);

            // A filter for states says itself which machines are to be shown.
            var shownAll = allByDefault || parsed.GetValue(all) || text.Contains(FilterSyntax.StateField, StringComparison.Ordinal);
            Machine[] shown = [.. list.Where(machine => shownAll || MayRun(machine))];
            if (CommonOptions.IsJson(parsed))
                Output.Line(MachineJson.Of([.. shown.Select(MachineInfo.Of)]));
            else if (parsed.GetValue(quiet))
                Array.ForEach(shown, machine => Output.VisibleLine(machine.Name));
            else
                Output.Line(string.Join('\n', Table.Lines(Header, shown.Select(machine => Row(machine, TimeProvider.System.GetUtcNow())))));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static bool MayRun(Machine machine) =>
        machine.State is not (MachineState.Created or MachineState.Stopped or MachineState.Failed);

    internal static IReadOnlyList<string> Row(Machine machine, DateTimeOffset now) =>
    [
        machine.Name,
        machine.Id,
        Describe.State(machine.State),
        Describe.Hypervisor(machine.Spec?.Hypervisor),
        machine.Spec?.CpuCount.ToString(CultureInfo.InvariantCulture) ?? "-",
        machine.Spec is { } spec ? Describe.Memory(spec.MemoryBytes) : "-",
        machine.Spec?.PublishedPorts.Count > 0 ? string.Join(',', machine.Spec.PublishedPorts.Select(Describe.Port)) : "-",
        machine.HasHypervisorPid && machine.StartTime is { } start ? Describe.Duration(now - start.ToDateTimeOffset()) : "-",
        machine.HasHypervisorPid ? "-" : Describe.Exit(machine.LastExit),
    ];
}
