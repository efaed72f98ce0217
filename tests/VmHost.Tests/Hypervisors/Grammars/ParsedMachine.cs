using VmHost.Specs;

namespace VmHost.Tests.Hypervisors.Grammars;

/// <summary>
/// A machine as a hypervisor would understand its command line. Compared with the spec: any option that smuggles
/// something in makes the two differ, or does not parse.
/// </summary>
internal sealed record ParsedMachine
{
    public int Cpus { get; set; } = 1;

    public long MemoryMiB { get; set; }

    public string? Uuid { get; set; }

    public string? Kernel { get; set; }

    public string? Initrd { get; set; }

    public string CommandLine { get; set; } = "";

    public bool HasConsole { get; set; }

    public bool HasEntropy { get; set; }

    public string? SecondSerial { get; set; }

    public NetworkMode Network { get; set; } = NetworkMode.None;

    public string? Mac { get; set; }

    public string? VpnkitSocket { get; set; }

    public List<PublishedPort> Ports { get; } = [];

    public List<Disk> Disks { get; } = [];

    public List<string> Cdroms { get; } = [];

    /// <summary>Everything that the spec says, in the words of this record.</summary>
    internal static ParsedMachine Of(MachineSpec spec)
    {
        var machine = new ParsedMachine
        {
            Cpus = spec.CpuCount,
            MemoryMiB = spec.Memory.MiB,
            Uuid = spec.Uuid.ToString("D"),
            Kernel = spec.Boot.KernelPath,
            Initrd = spec.Boot.InitrdPath,
            CommandLine = spec.Boot.CommandLine,
            HasConsole = true,
            HasEntropy = true,
            SecondSerial = spec.SecondSerialPath,
            Network = spec.Network.Mode,
            Mac = spec.Network.MacAddress,
            VpnkitSocket = spec.Network.VpnkitSocket,
        };
        machine.Ports.AddRange(spec.PublishedPorts);
        machine.Disks.AddRange(spec.Disks);
        machine.Cdroms.AddRange(spec.CdromPaths);
        return machine;
    }

    /// <summary>One line a fact, for comparing.</summary>
    internal string Describe() =>
        string.Join('\n',
            $"cpus {Cpus}", $"memory {MemoryMiB}", $"uuid {Uuid}", $"kernel {Kernel}", $"initrd {Initrd}", $"cmdline {CommandLine}",
            $"console {HasConsole}", $"entropy {HasEntropy}", $"serial {SecondSerial}", $"network {Network} {Mac} {VpnkitSocket}",
            $"ports {string.Join(' ', Ports.Select(port => $"{port}-{port.GuestPort}"))}",
            $"disks {string.Join('|', Disks)}", $"cdroms {string.Join('|', Cdroms)}");
}
