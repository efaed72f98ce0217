using CsCheck;
using VmHost.Hypervisors;
using VmHost.Hypervisors.Vfkit;
using VmHost.Specs;
using VmHost.Tests.Hypervisors.Grammars;

namespace VmHost.Tests.Hypervisors;

/// <summary>
/// The strongest security property there is here: whatever a valid spec holds, the hypervisor reads it out of the command
/// line again, and nothing more.
/// </summary>
public sealed class CommandLinePropertyTests
{
    // What an attacker, or a person with unusual file names, would write.
    private static readonly string[] Hostile =
    [
        ",", ",,", "=", " ", "\"", "'", "\\", "$(id)", "`id`", ";reboot", "%n%s", "-drive file=/etc/shadow", "--device virtio-fs",
        ",readonly=off", ",script=/tmp/x", "json:{\"driver\":\"file\"}", "nbd://h/x", "fat:rw:", "äß", "\u202e", "@file", "~", "-", "--",
        ",ro", ",format=qcow", "kexec,/k,/i,x", "id=n0", "-F", "-s 5,virtio-9p,path=/", "\t",
    ];

    private static readonly Gen<string> Text =
        Gen.Select(Gen.Int[0, Hostile.Length - 1].Select(i => Hostile[i]).Array[0, 4], Gen.String[Gen.Char.AlphaNumeric, 0, 8]).Select((parts, rest) => string.Concat(parts) + rest);

    // Empty and one-character command lines are special to loaders.
    private static readonly Gen<string> CommandLine = Gen.Frequency((6, Text), (1, Gen.Const("")), (1, Gen.Const(" ")), (1, Gen.Const("x")));

    private static readonly Gen<string> FilePath = Text.Select(text => "/" + text.Replace("\t", "", StringComparison.Ordinal));

    private static readonly Gen<Network> Interface = Gen.OneOf(
        Gen.Const(Network.Default),
        Gen.Const(new Network(NetworkMode.None)),
        Gen.Const(new Network(NetworkMode.Nat, "52:54:00:ab:cd:ef")),
        FilePath.Select(path => new Network(NetworkMode.Vpnkit, null, path)));

    private static readonly Gen<PublishedPort> Port =
        Gen.Select(Gen.Bool.Select(any => any ? "0.0.0.0" : "127.0.0.1"), Gen.Int[1, 65535], Gen.Int[1, 65535], Gen.Bool)
            .Select((address, host, guest, udp) => new PublishedPort(address, host, guest, udp ? PortProtocol.Udp : PortProtocol.Tcp));

    private static readonly Gen<Disk> AnyDisk =
        Gen.Select(FilePath, Gen.Bool, Gen.Bool).Select((path, qcow2, readOnly) => new Disk(path, qcow2 ? DiskFormat.Qcow2 : DiskFormat.Raw, readOnly));

    private static readonly Gen<MachineSpec> Spec =
        from boot in Gen.Select(FilePath, FilePath.Null(), CommandLine).Select((kernel, initrd, commandLine) => new BootFiles(null, kernel, initrd, commandLine))
        from cpus in Gen.Int[1, 64]
        from memory in Gen.Long[1, 512 * 1024]
        from ports in Port.Array[0, 3]
        from network in Interface
        from disks in AnyDisk.Array[0, 3]
        from cdroms in FilePath.Array[0, 2]
        from serial in FilePath.Null()
        from uuid in Gen.Guid
        select new MachineSpec
        {
            Boot = boot,
            CpuCount = cpus,
            Memory = ByteSize.FromMiB(memory),
            PublishedPorts = [.. ports],
            Hypervisor = HypervisorKind.Auto,
            Uuid = uuid,
            Network = network,
            Disks = [.. disks],
            CdromPaths = [.. cdroms],
            SecondSerialPath = serial,
        };

    public static TheoryData<HypervisorKind> Kinds => [.. Specimens.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_hypervisor_reads_the_spec_and_nothing_more(HypervisorKind kind)
    {
        var hypervisor = HypervisorCatalog.Get(kind);
        var host = Specimens.Host with { HyperKit = Specimens.Host.HyperKit with { HasQcow2 = true } };
        var (planned, refused) = (0, 0);
        Spec.Sample(
            any =>
            {
                var spec = Possible(kind, any);
                if (!hypervisor.Check(spec, host, Specimens.Paths).IsEmpty)
                {
                    Interlocked.Increment(ref refused);
                    return;
                }

                Interlocked.Increment(ref planned);
                var plan = hypervisor.Plan(spec, host, Specimens.Paths);
                Assert.Equal(Expected(kind, spec).Describe(), Parse(kind, plan).Describe());
            },
            iter: 4000);

        Assert.True(planned > 1000, $"only {planned} of the specs were possible; {refused} were refused");
    }

    // Without what the hypervisor refuses for reasons that have nothing to do with text.
    private static MachineSpec Possible(HypervisorKind kind, MachineSpec spec)
    {
        if (spec.Network.Mode == NetworkMode.Vpnkit ? kind != HypervisorKind.HyperKit : kind == HypervisorKind.Xhyve && spec.Network.MacAddress is not null)
            spec = spec with { Network = Network.Default };
        if (kind != HypervisorKind.Qemu || spec.Network.Mode == NetworkMode.None)
            spec = spec with { PublishedPorts = [] };
        if (kind is HypervisorKind.Xhyve or HypervisorKind.Vfkit)
            spec = spec with { CpuCount = Math.Min(spec.CpuCount, 16), Disks = [.. spec.Disks.Select(disk => disk with { Format = DiskFormat.Raw })] };

        return kind == HypervisorKind.Vfkit ? spec with { SecondSerialPath = null } : spec;
    }

    private static ParsedMachine Parse(HypervisorKind kind, LaunchPlan plan) =>
        kind switch
        {
            HypervisorKind.Qemu => QemuGrammar.Parse(plan.Arguments),
            HypervisorKind.Vfkit => VfkitGrammar.Parse(plan),
            _ => BhyveGrammar.Parse(kind, plan),
        };

    // vfkit has no UUID; its MAC address is made of it.
    private static ParsedMachine Expected(HypervisorKind kind, MachineSpec spec)
    {
        var expected = ParsedMachine.Of(spec);
        if (kind is HypervisorKind.Xhyve or HypervisorKind.HyperKit && expected.CommandLine.Length == 0)
            return expected with { CommandLine = " " };
        if (kind != HypervisorKind.Vfkit)
            return expected;

        var mac = spec.Network.Mode == NetworkMode.Nat ? spec.Network.MacAddress ?? VfkitCommandLine.MacOf(spec.Uuid) : null;
        return expected with { Uuid = null, Mac = mac };
    }
}
