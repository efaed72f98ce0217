using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Hypervisors;

/// <summary>What differs between hypervisors. Pure: the same values in give the same values out.</summary>
public interface IHypervisor
{
    /// <summary>Which one it is.</summary>
    HypervisorKind Kind { get; }

    /// <summary>Everything in the spec that it cannot do on this host; empty when it can do all.</summary>
    ImmutableArray<SpecFault> Check(MachineSpec spec, HostFacts host);

    /// <summary>The command line. Only for a spec in which <see cref="Check"/> finds no fault.</summary>
    LaunchPlan Plan(MachineSpec spec, HostFacts host, MachinePaths paths);

    /// <summary>Why a boot ended.</summary>
    ExitVerdict Classify(ExitEvidence evidence);
}
