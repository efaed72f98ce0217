using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Hypervisors.Qemu;

/// <summary>QEMU for x86-64 guests.</summary>
internal sealed class QemuHypervisor : IHypervisor
{
    public HypervisorKind Kind => HypervisorKind.Qemu;

    public ImmutableArray<SpecFault> Check(MachineSpec spec, HostFacts host) =>
        host.Qemu.Problem is { } problem ? [new("spec.hypervisor", problem)] : [];

    public LaunchPlan Plan(MachineSpec spec, HostFacts host, MachinePaths paths) =>
        new()
        {
            Executable = host.Qemu.Path!,
            Arguments = QemuCommandLine.Build(spec, host.Qemu, paths),
            ConsoleOnStandardOutput = true,
            RunTimePaths = [paths.QmpSocket, paths.QmpLog],
            Warnings = ConsoleArgument.Warnings(spec.Boot.CommandLine, "ttyS0"),
        };

    public ExitVerdict Classify(ExitEvidence evidence) => QemuExitClassifier.Classify(evidence);
}
