using VmHost.Hypervisors;
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
        var hypervisor = HypervisorCatalog.Get(spec.Hypervisor);
        var facts = await host.ProbeAsync(ct);
        var faults = hypervisor.Check(spec, facts);
        return faults.IsEmpty
            ? (hypervisor, hypervisor.Plan(spec, facts, paths))
            : throw VmHostException.ForFaults(faults, VmHostError.FailedPrecondition);
    }
}
