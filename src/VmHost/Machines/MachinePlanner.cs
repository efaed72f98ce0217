using VmHost.Hypervisors;
using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>From a sound spec to the command line for this host.</summary>
internal static class MachinePlanner
{
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: no hypervisor of this host can do what the spec asks.
    /// </exception>
    internal static async Task<(IHypervisor Hypervisor, LaunchPlan Plan)> PlanAsync(
        MachineSpec spec, MachinePaths paths, HostProbe host, CancellationToken ct)
    {
        var facts = await host.ProbeAsync(ct);
        var (hypervisor, plan) = PlanForAnyHost(spec, paths, facts);
        var faults = hypervisor.CheckHost(spec, facts);
        return faults.IsEmpty ? (hypervisor, plan) : throw VmHostException.ForFaults(faults, VmHostError.FailedPrecondition, ErrorReason.HypervisorUnavailable);
    }

    /// <summary>As <see cref="PlanAsync"/>, but what is wrong with this host is a warning.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: the hypervisor cannot do what the spec asks, on any host.
    /// </exception>
    internal static async Task<(IHypervisor Hypervisor, LaunchPlan Plan)> PlanWithoutHostAsync(
        MachineSpec spec, MachinePaths paths, HostProbe host, CancellationToken ct)
    {
        var facts = await host.ProbeAsync(ct);
        var (hypervisor, plan) = PlanForAnyHost(spec, paths, facts);
        var problems = hypervisor.CheckHost(spec, facts).Select(fault => $"would not run here: {fault.Message}");
        return (hypervisor, plan with { Warnings = [.. problems, .. plan.Warnings] });
    }

    private static (IHypervisor Hypervisor, LaunchPlan Plan) PlanForAnyHost(MachineSpec spec, MachinePaths paths, HostFacts facts)
    {
        var hypervisor = HypervisorCatalog.Choose(spec.Hypervisor, facts);
        var faults = hypervisor.Check(spec, facts, paths);
        if (!faults.IsEmpty)
            throw VmHostException.ForFaults(faults, VmHostError.FailedPrecondition, ErrorReason.HypervisorUnsupported);

        var plan = hypervisor.Plan(spec, facts, paths);
        return (hypervisor, plan with { Warnings = [.. plan.Warnings, .. ImageWarnings.Of(spec)] });
    }
}
