using System.CommandLine;
using System.Globalization;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class ListCommand
{
    internal static readonly string[] Header = ["NAME", "ID", "STATE", "HYPERVISOR", "CPUS", "MEMORY", "PORTS", "UPTIME", "EXIT"];

    private const string JsonFormat = "json";

    // Of a template: the columns of Header, and more.
    private static readonly string[] Fields = ["Name", "ID", "State", "Hypervisor", "CPUs", "Memory", "Ports", "Uptime", "Exit", "Labels", "CreatedAt"];

    internal static Command Create(string name, string description, bool allByDefault, params string[] aliases)
    {
        var all = new Option<bool>("--all", "-a") { Description = "Also those that do not run" };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Names only" };
        var filter = FilterSyntax.FilterOption();
        var label = FilterSyntax.LabelOption();
        var format = new Option<string?>("--format") { Description = $"Template for each machine: {{{{.Name}}}} {{{{.State}}}}, 'table {{{{.Name}}}}\\t{{{{.Ports}}}}', or json; fields: {string.Join(", ", Fields)}", HelpName = "TEMPLATE" };
        var command = new Command(name, description) { all, quiet, filter, label, format };
        foreach (var alias in aliases)
            command.Aliases.Add(alias);

        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var template = parsed.GetValue(format) is { } given and not JsonFormat ? RowTemplate.Parse("--format", given, Fields) : null;
            var text = FilterSyntax.Compose(parsed.GetValue(filter)!, parsed.GetValue(label)!);
            var list = await daemon.ListAsync(text, ct);

            // A filter for states says itself which machines are to be shown.
            var shownAll = allByDefault || parsed.GetValue(all) || FilterSyntax.SelectsStates(text);
            Machine[] shown = [.. list.Where(machine => shownAll || !IsAtRest(machine))];
            if (template is not null)
                Print(template, shown);
            else if (parsed.GetValue(format) == JsonFormat)
                Array.ForEach(shown, static machine => Output.Line(MachineJson.LineOf(MachineInfo.Of(machine))));
            else if (CommonOptions.IsStructured(parsed))
                CommonOptions.Print(parsed, MachineJson.Of([.. shown.Select(MachineInfo.Of)]));
            else if (parsed.GetValue(quiet))
                Array.ForEach(shown, machine => Output.VisibleLine(machine.Name));
            else
                Output.Line(string.Join('\n', Table.Lines(Header, shown.Select(machine => Row(machine, TimeProvider.System.GetUtcNow())))));
            return ExitCodes.Ok;
        });
        return command;
    }

    /// <summary>True if no process of the machine runs, and none will by itself.</summary>
    internal static bool IsAtRest(Machine machine) =>
        machine.State is MachineState.Created or MachineState.Stopped or MachineState.Failed;

    private static void Print(RowTemplate template, Machine[] machines)
    {
        var now = TimeProvider.System.GetUtcNow();
        foreach (var line in template.Lines(
            machines.Select(machine => (Machine: machine, Values: Values(machine, now))),
            static (row, field) => row.Values[field],
            static (row, field) => field is null ? MachineJson.LineOf(MachineInfo.Of(row.Machine)) : MachineJson.LineOf(row.Values[field])))
        {
            Output.Line(line);
        }
    }

    private static Dictionary<string, string> Values(Machine machine, DateTimeOffset now)
    {
        IReadOnlyList<string> values =
        [
            .. Row(machine, now),
            string.Join(',', machine.Labels.OrderBy(static label => label.Key, StringComparer.Ordinal).Select(static label => $"{label.Key}={label.Value}")),
            machine.CreateTime is { } created ? created.ToDateTimeOffset().ToString("O", CultureInfo.InvariantCulture) : "-",
        ];
        return Fields.Zip(values).ToDictionary(static pair => pair.First, static pair => pair.Second, StringComparer.Ordinal);
    }

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
