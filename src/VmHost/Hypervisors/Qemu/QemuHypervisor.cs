using System.Collections.Immutable;
using VmHost.ShimContract.Records;
using VmHost.Specs;

namespace VmHost.Hypervisors.Qemu;

/// <summary>QEMU for x86-64 guests.</summary>
internal sealed class QemuHypervisor : IHypervisor
{
    public HypervisorKind Kind => HypervisorKind.Qemu;

    public ControlChannel Control => ControlChannel.Qmp;

    public ImmutableArray<SpecFault> Check(MachineSpec spec, HostFacts host, MachinePaths paths)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        if (UnsupportedGuest.FaultOf(spec.Boot, "QEMU") is { } guest)
            faults.Add(guest);
        if (spec.Network.Mode == NetworkMode.Vpnkit)
            faults.Add(new("spec.networks[0].mode", "QEMU knows no vpnkit; use NAT"));
        if (spec.Network.Mode == NetworkMode.None && !spec.PublishedPorts.IsDefaultOrEmpty)
            faults.Add(new("spec.published_ports", "ports are published through the network interface, and mode NONE makes none; use NAT"));
        return faults.DrainToImmutable();
    }

    public ImmutableArray<SpecFault> CheckHost(MachineSpec spec, HostFacts host) =>
        host.Qemu.Problem is { } problem ? [new("spec.hypervisor", problem)] : [];

    public LaunchPlan Plan(MachineSpec spec, HostFacts host, MachinePaths paths) =>
        new()
        {
            Executable = host.Qemu.Executable,
            Options = QemuCommandLine.Build(spec, host.Qemu, paths),
            ConsoleOnStandardOutput = true,
            MonitorDescriptor = LaunchRecord.MonitorNumber,
            RunTimePaths = [paths.QmpSocket, paths.QmpLog],
            Warnings = ConsoleArgument.Warnings(spec.Boot.CommandLine, "ttyS0"),
        };

    public ExitVerdict Classify(ExitEvidence evidence) => QemuExitClassifier.Classify(evidence);
}
