using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Hypervisors;

/// <summary>What differs between hypervisors. Pure: the same values in give the same values out.</summary>
public interface IHypervisor
{
    /// <summary>Which one it is.</summary>
    HypervisorKind Kind { get; }

    /// <summary>How its guest is asked to power off, and how it is paused.</summary>
    ControlChannel Control { get; }

    /// <summary>Everything in the spec that this hypervisor cannot do, wherever it runs; empty when it can do all.</summary>
    ImmutableArray<SpecFault> Check(MachineSpec spec, HostFacts host, MachinePaths paths);

    /// <summary>Why it cannot run the spec on this host now; empty when it can.</summary>
    ImmutableArray<SpecFault> CheckHost(MachineSpec spec, HostFacts host);

    /// <summary>The command line. Only for a spec in which <see cref="Check"/> finds no fault.</summary>
    LaunchPlan Plan(MachineSpec spec, HostFacts host, MachinePaths paths);

    /// <summary>Why a boot ended.</summary>
    ExitVerdict Classify(ExitEvidence evidence);
}

/// <summary>How a running hypervisor is told what to do.</summary>
public enum ControlChannel
{
    /// <summary>QEMU's monitor.</summary>
    Qmp,

    /// <summary>SIGTERM presses the power button once the guest has switched ACPI on, and kills before; no pause.</summary>
    TerminateSignal,

    /// <summary>As <see cref="TerminateSignal"/>; SIGUSR1 pauses, SIGUSR2 resumes.</summary>
    TerminateAndUserSignals,

    /// <summary>vfkit's REST service.</summary>
    Rest,
}
