using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Hypervisors.Vfkit;

/// <summary>vfkit: a command line for Apple's Virtualization.framework.</summary>
internal sealed class VfkitHypervisor : IHypervisor
{
    private const string Console = "hvc0";

    public HypervisorKind Kind => HypervisorKind.Vfkit;

    public ControlChannel Control => ControlChannel.Rest;

    public ImmutableArray<SpecFault> Check(MachineSpec spec, HostFacts host, MachinePaths paths)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        if (spec.Boot.InitrdPath is null)
            faults.Add(new("spec.boot.initrd_path", "vfkit needs an initrd; give one"));
        if (!spec.PublishedPorts.IsDefaultOrEmpty)
            faults.Add(new("spec.published_ports", "vfkit publishes no ports; connect to the guest's own address, or use QEMU"));
        if (spec.Network.Mode == NetworkMode.Vpnkit)
            faults.Add(new("spec.networks[0].mode", "vfkit knows no vpnkit; use NAT"));
        if (spec.SecondSerialPath is not null)
            faults.Add(new("spec.second_serial_path", "vfkit has one serial port; leave it out, or use QEMU"));
        if (paths.Directory.Contains(',', StringComparison.Ordinal) && (spec.Disks.Length > 0 || spec.CdromPaths.Length > 0))
            faults.Add(new("spec.hypervisor", $"vfkit cuts paths at commas, and the state directory's has one: {Quoted.Text(paths.Directory)}; start vmhostd with another --state-dir"));

        for (var i = 0; i < spec.Disks.Length; i++)
        {
            if (spec.Disks[i].Format == DiskFormat.Qcow2)
                faults.Add(new($"spec.disks[{i}].format", "vfkit reads raw images only; convert it: qemu-img convert -O raw OLD NEW"));
        }

        return faults.DrainToImmutable();
    }

    public ImmutableArray<SpecFault> CheckHost(MachineSpec spec, HostFacts host)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        if (host.Vfkit.Problem is { } problem)
            faults.Add(new("spec.hypervisor", problem));
        if (host.Platform.IsMac && spec.Boot.Architecture != host.Platform.Architecture)
            faults.Add(new("spec.boot.kernel_path", $"{Quoted.Text(spec.Boot.KernelPath)} is a kernel for {Named(spec.Boot.Architecture)}, and this Mac runs {Named(host.Platform.Architecture)} guests; give one of those"));
        return faults.DrainToImmutable();
    }

    public LaunchPlan Plan(MachineSpec spec, HostFacts host, MachinePaths paths)
    {
        var (options, links) = VfkitCommandLine.Build(spec, paths);
        return new()
        {
            Executable = host.Vfkit.Executable,
            Options = options,
            ConsoleOnStandardOutput = true,
            Links = links,
            RunTimePaths = [.. links.Select(link => link.Path), paths.RestSocket],
            Warnings = ConsoleArgument.Warnings(spec.Boot.CommandLine, Console),
        };
    }

    public ExitVerdict Classify(ExitEvidence evidence) => VfkitExitClassifier.Classify(evidence);

    private static string Named(GuestArchitecture architecture) => architecture == GuestArchitecture.Arm64 ? "arm64" : "x86-64";
}
