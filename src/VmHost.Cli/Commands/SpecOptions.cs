using System.CommandLine;
using VmHost.Cli.Manifests;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>The options that say what to run, one by one or all in a file.</summary>
internal sealed class SpecOptions
{
    private readonly BootOptions _boot = new();
    private readonly Option<string?> _spec = new("--spec") { Description = "YAML or JSON file that holds all of this", HelpName = "FILE" };
    private readonly Option<string?> _name = new("--name", "-n") { Description = "Name (default: made from PREFIX)", HelpName = "NAME" };
    private readonly Option<int?> _cpus = NumberSyntax.Option<int>("--cpus", "-c", "N", "Virtual CPUs (default 1)");
    private readonly Option<string?> _memory = new("--memory", "-m") { Description = "256 (MiB), 512M, 1.5G, ... (default 1G)", HelpName = "SIZE" };
    private readonly Option<string[]> _publish = new("--publish", "-p") { Description = "[ADDRESS:]HOST:GUEST[/udp], repeatable (default address 127.0.0.1)", HelpName = "PORTS" };
    private readonly Option<string[]> _disk = new("--disk") { Description = "PATH[,format=qcow2][,ro], repeatable", HelpName = "DISK" };
    private readonly Option<string[]> _cdrom = new("--cdrom") { Description = "Image that the guest sees as a CD-ROM, repeatable", HelpName = "FILE" };
    private readonly Option<string?> _network = new("--network", "--net") { Description = "nat (default), none, or vpnkit=SOCKET", HelpName = "MODE" };
    private readonly Option<string?> _mac = new("--mac") { Description = "MAC address of the interface", HelpName = "ADDRESS" };
    private readonly Option<string?> _secondSerial = new("--second-serial") { Description = "Terminal device that becomes ttyS1", HelpName = "DEVICE" };
    private readonly Option<string?> _onReboot = new("--on-reboot") { Description = "When the guest reboots: restart (default) or stop", HelpName = "ACTION" };
    private readonly Option<string?> _hypervisor = new("--hypervisor") { Description = "auto (default), qemu, xhyve, hyperkit or vfkit", HelpName = "KIND" };
    private readonly Option<string?> _uuid = new("--uuid") { Description = "SMBIOS UUID (default: random)", HelpName = "UUID" };

    private readonly Option<string?> _restart = RestartSyntax.Option();
    private readonly Option<string[]> _labels = PairSyntax.LabelOption();
    private readonly Option<string[]> _annotations = PairSyntax.AnnotationOption();

    internal void AddTo(Command command)
    {
        _boot.AddTo(command);
        foreach (var option in Devices.Prepend(_name).Prepend(_spec).Append(_restart).Append(_labels).Append(_annotations))
            command.Options.Add(option);
    }

    private Option[] Devices => [_cpus, _memory, _publish, _disk, _cdrom, _network, _mac, _secondSerial, _onReboot, _hypervisor, _uuid];

    internal RunMachineRequest ToRequest(ParseResult parsed)
    {
        var request = parsed.GetValue(_spec) is { } file ? FromManifest(parsed, file) : new RunMachineRequest { Spec = FromFlags(parsed) };
        if (parsed.GetValue(_name) is { } name)
            request.Name = name;
        if (parsed.GetValue(_restart) is { } restart)
            request.RestartPolicy = RestartSyntax.Parse("--restart", restart);
        PairSyntax.AddTo(request.Labels, "--label", parsed.GetValue(_labels) ?? []);
        PairSyntax.AddTo(request.Annotations, "--annotation", parsed.GetValue(_annotations) ?? []);
        return request;
    }

    private RunMachineRequest FromManifest(ParseResult parsed, string file)
    {
        foreach (var symbol in _boot.Symbols.Concat(Devices))
        {
            var given = symbol is Option option ? parsed.GetResult(option) is { Implicit: false } : parsed.GetResult((Argument)symbol) is { Tokens.Count: > 0 };
            if (given)
                throw new CliException(ExitCodes.Usage, $"--spec and {symbol.Name} do not go together: the file says all, but for --name, --restart, --label and --annotation");
        }

        return MachineManifest.Read(file);
    }

    private MachineSpec FromFlags(ParseResult parsed)
    {
        var spec = new MachineSpec
        {
            Boot = _boot.Read(parsed),
            PublishedPorts = { (parsed.GetValue(_publish) ?? []).Select(text => PublishSyntax.Parse("--publish", text)) },
            Disks = { (parsed.GetValue(_disk) ?? []).Select(text => DeviceSyntax.Disk("--disk", text, BootOptions.Absolute)) },
            CdromPaths = { (parsed.GetValue(_cdrom) ?? []).Select(BootOptions.Absolute) },
        };
        if (parsed.GetValue(_cpus) is { } cpus)
            spec.CpuCount = cpus;
        if (parsed.GetValue(_memory) is { } memory)
            spec.MemoryBytes = SizeSyntax.Parse("--memory", memory);
        if (parsed.GetValue(_network) is { } network)
            spec.Networks.Add(DeviceSyntax.Network("--network", network, BootOptions.Absolute));
        if (parsed.GetValue(_mac) is { } mac)
            DeviceSyntax.Interface(spec).MacAddress = mac;
        if (parsed.GetValue(_secondSerial) is { } serial)
            spec.SecondSerialPath = BootOptions.Absolute(serial);
        if (parsed.GetValue(_onReboot) is { } onReboot)
            spec.OnReboot = DeviceSyntax.OnReboot("--on-reboot", onReboot);
        if (parsed.GetValue(_hypervisor) is { } hypervisor)
            spec.Hypervisor = DeviceSyntax.Hypervisor("--hypervisor", hypervisor);
        if (parsed.GetValue(_uuid) is { } uuid)
            spec.Uuid = uuid;
        return spec;
    }
}
