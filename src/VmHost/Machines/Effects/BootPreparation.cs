using System.Collections.Immutable;
using System.Security.Cryptography;
using VmHost.Hypervisors;
using VmHost.Images;
using VmHost.Machines.Life;
using VmHost.Networking;
using VmHost.Posix;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines.Effects;

/// <summary>Plans a machine's next boot, checks once more what may have changed, and claims what the boot needs.</summary>
/// <param name="services">What it uses.</param>
internal sealed class BootPreparation(MachineServices services)
{
    /// <summary>Changes nothing but the claims.</summary>
    /// <exception cref="VmHostException">The boot cannot begin, and nothing is claimed.</exception>
    /// <exception cref="OperationCanceledException">It was called off, and nothing is claimed.</exception>
    internal async Task<MachineEvent.Prepared> PrepareAsync(MachineRecord record, MachinePaths paths, CancellationToken ct)
    {
        var (hypervisor, plan) = await MachinePlanner.PlanAsync(record.Spec, paths, services.Host, ct);
        ThrowIfAny(BootResolver.Recheck(record.Spec.Boot, record.Spec.Memory), ErrorReason.FileUnusable);
        ThrowIfAny(DeviceFiles.Recheck(record.Spec), ErrorReason.FileUnusable);
        ThrowIfAny(PortProbe.FindTaken(record.Spec.PublishedPorts), ErrorReason.ResourceInUse);
        services.Space.ThrowIfLow();
        ct.ThrowIfCancellationRequested();   // nothing is claimed for a caller who gave up
        services.Claims.Claim(record.Id, record.Name, record.Spec);

        var boot = new BootRecord(
            (record.Boot?.Number ?? 0) + 1,
            RandomNumberGenerator.GetHexString(32, lowercase: true),
            ProcessIdentity.HostBootId,
            hypervisor.Kind,
            plan.Executable,
            plan.Arguments,
            services.Time.GetUtcNow());
        return new(boot, plan);
    }

    private static void ThrowIfAny(ImmutableArray<SpecFault> faults, ErrorReason reason)
    {
        if (!faults.IsEmpty)
            throw VmHostException.ForFaults(faults, VmHostError.FailedPrecondition, reason);
    }
}
