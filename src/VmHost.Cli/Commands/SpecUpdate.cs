using System.CommandLine;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>The flags of <c>update</c> that change the spec, spelled as those of <c>run</c>.</summary>
internal sealed class SpecUpdate
{
    private const string None = "none";

    private readonly Option<string?> _memory = new("--memory", "-m") { Description = "256 (MiB), 512M, 1.5G, ...", HelpName = "SIZE" };
    private readonly Option<int?> _cpus = NumberSyntax.Option<int>("--cpus", "-c", "N", "Virtual CPUs");
    private readonly Option<string[]> _publish = new("--publish", "-p") { Description = $"All published ports: [ADDRESS:]HOST:GUEST[/udp], repeatable; {None} for no port", HelpName = "PORTS" };
    private readonly Option<string[]> _disk = new("--disk") { Description = $"All disks: PATH[,format=qcow2][,ro], repeatable; {None} for no disk", HelpName = "DISK" };
    private readonly Option<string?> _commandLine = new("--cmdline") { Description = "Kernel command line", HelpName = "TEXT" };

    internal void AddTo(Command command)
    {
        foreach (var option in new Option[] { _memory, _cpus, _publish, _disk, _commandLine })
            command.Options.Add(option);
    }

    /// <summary>Adds what was given to a request and to its mask.</summary>
    /// <exception cref="CliException">A flag's value.</exception>
    internal void Apply(ParseResult parsed, UpdateMachineRequest request)
    {
        var spec = new MachineSpec();
        var paths = request.UpdateMask.Paths;
        if (parsed.GetValue(_memory) is { } memory)
        {
            spec.MemoryBytes = SizeSyntax.Parse("--memory", memory);
            paths.Add("spec.memory_bytes");
        }

        if (parsed.GetValue(_cpus) is { } cpus)
        {
            spec.CpuCount = cpus;
            paths.Add("spec.cpu_count");
        }

        if (parsed.GetValue(_publish) is { Length: > 0 } ports)
        {
            spec.PublishedPorts.AddRange(Listed("--publish", ports).Select(static text => PublishSyntax.Parse("--publish", text)));
            paths.Add("spec.published_ports");
        }

        if (parsed.GetValue(_disk) is { Length: > 0 } disks)
        {
            spec.Disks.AddRange(Listed("--disk", disks).Select(static text => DeviceSyntax.Disk("--disk", text, BootOptions.Absolute)));
            paths.Add("spec.disks");
        }

        if (parsed.GetValue(_commandLine) is { } commandLine)
        {
            spec.Boot = new() { CommandLine = commandLine };
            paths.Add("spec.boot.command_line");
        }

        if (spec.CalculateSize() > 0 || paths.Any(static path => path.StartsWith("spec.", StringComparison.Ordinal)))
            request.Spec = spec;
    }

    private static string[] Listed(string label, string[] texts)
    {
        if (!texts.Contains(None, StringComparer.Ordinal))
            return texts;

        return texts.Length == 1 ? [] : throw new CliException(ExitCodes.Usage, $"{label} {None} cannot be combined with another {label}");
    }
}
