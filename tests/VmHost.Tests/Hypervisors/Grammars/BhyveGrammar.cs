using System.Globalization;
using VmHost.Hypervisors;
using VmHost.Specs;

namespace VmHost.Tests.Hypervisors.Grammars;

/// <summary>
/// xhyve's and HyperKit's own reading (xhyve.c, hyperkit.c, pci_emul.c, block_if.c): getopt, then every value is cut at
/// its commas, for which there is no escape.
/// </summary>
internal sealed class BhyveGrammar(HypervisorKind kind, IReadOnlyDictionary<string, string> links)
{
    private const string Flags = "behvuwxMACHPW";
    private const string WithValue = "Y:f:F:g:c:s:m:l:U:";

    private readonly ParsedMachine _machine = new();
    private readonly HashSet<string> _slots = [];
    private bool _acpi;
    private bool _utc;
    private bool _hasHostBridge;
    private bool _hasLpc;

    internal static ParsedMachine Parse(HypervisorKind kind, LaunchPlan plan)
    {
        var grammar = new BhyveGrammar(kind, plan.Links.ToDictionary(link => link.Path, link => link.Target, StringComparer.Ordinal));
        var argv = plan.Arguments;
        for (var i = 0; i < argv.Length; i++)
        {
            // getopt stops at the first word that is no option, and all that follows is silently ignored.
            Assert.True(argv[i].Length == 2 && argv[i][0] == '-', $"{argv[i]} would end the options");
            var letter = argv[i][1];
            if (Flags.Contains(letter, StringComparison.Ordinal))
                grammar.Flag(letter);
            else if (WithValue.Contains($"{letter}:", StringComparison.Ordinal))
                grammar.Option(letter, argv[++i]);
            else
                Assert.Fail($"-{letter} is unknown");
        }

        Assert.True(grammar is { _acpi: true, _utc: true, _hasHostBridge: true, _hasLpc: true });
        return grammar._machine;
    }

    private void Flag(char letter)
    {
        _acpi |= letter == 'A';
        _utc |= letter == 'u';
        Assert.True(letter is 'A' or 'u', $"-{letter} is nothing that VmHost gives");
    }

    private void Option(char letter, string value)
    {
        switch (letter)
        {
            case 'c':
                _machine.Cpus = int.Parse(value, CultureInfo.InvariantCulture);
                break;
            case 'm':
                Assert.Matches("^[1-9][0-9]*M$", value);
                _machine.MemoryMiB = long.Parse(value.AsSpan(0, value.Length - 1), CultureInfo.InvariantCulture);
                break;
            case 'U':
                _machine.Uuid = value;
                break;
            case 'l':
                Lpc(value);
                break;
            case 's':
                Slot(value);
                break;
            case 'f':
                Firmware(value);
                break;
            default:
                Assert.Fail($"-{letter} {value} is nothing that VmHost gives");
                break;
        }
    }

    private void Lpc(string value)
    {
        // xhyve takes all that follows the first comma for the path; HyperKit looks for more options in it.
        var parts = kind == HypervisorKind.Xhyve ? value.Split(',', 2) : value.Split(',');
        Assert.Equal(2, parts.Length);
        if (parts[0] == "com1")
            _machine.HasConsole = parts[1] == "stdio";
        else
            _machine.SecondSerial = parts[0] == "com2" ? parts[1] : throw new InvalidDataException(value);
    }

    private void Slot(string value)
    {
        var parts = value.Split(',', 3);
        Assert.True(_slots.Add(parts[0]), $"slot {parts[0]} is occupied");
        var config = parts.Length > 2 ? parts[2].Split(',') : [];
        switch (parts[1])
        {
            case "hostbridge" when parts[0] == "0:0":
                _hasHostBridge = true;
                break;
            case "lpc" when parts[0] == "31":
                _hasLpc = true;
                break;
            case "virtio-rnd" when config.Length == 0:
                _machine.HasEntropy = true;
                break;
            case "virtio-net":
                _machine.Network = NetworkMode.Nat;
                Assert.True(config.Length is 0 or 2);
                _machine.Mac = config.Length == 2 ? config[1]["mac=".Length..] : null;
                break;
            case "virtio-vpnkit":
                _machine.Network = NetworkMode.Vpnkit;
                Assert.Equal(2, config.Length);
                Assert.StartsWith("uuid=", config[1], StringComparison.Ordinal);
                _machine.VpnkitSocket = config[0]["path=".Length..];
                break;
            case "virtio-blk":
                var options = config.Skip(1).ToList();
                var qcow = options.Remove("format=qcow");
                var readOnly = options.Remove("ro");
                Assert.Empty(options);
                _machine.Disks.Add(new(Target(qcow ? config[0]["file://".Length..] : config[0]), qcow ? DiskFormat.Qcow2 : DiskFormat.Raw, readOnly));
                break;
            case "ahci-cd":
                _machine.Cdroms.Add(Target(Assert.Single(config)));
                break;
            default:
                Assert.Fail($"-s {value} is nothing that VmHost gives");
                break;
        }
    }

    private void Firmware(string value)
    {
        var parts = value.Split(',', 4);
        Assert.Equal(4, parts.Length);
        Assert.Equal("kexec", parts[0]);
        _machine.Kernel = Target(parts[1]);
        _machine.Initrd = parts[2].Length > 0 ? Target(parts[2]) : null;
        _machine.CommandLine = parts[3].Length > 0 ? parts[3] : "auto";   // firmware/kexec.c of both
    }

    private string Target(string path) => links[path];
}
