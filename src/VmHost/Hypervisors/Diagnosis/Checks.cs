using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>All checks, in the order in which a person would look.</summary>
internal static class Checks
{
    internal static ImmutableArray<Check> All { get; } =
    [
        new("rosetta", ProcessorChecks.Rosetta),
        new("virtualisation", ProcessorChecks.Virtualisation),
        new("kvm", KvmCheck.Look),
        new("qemu", evidence => HypervisorChecks.Program(evidence, evidence.Facts.Qemu)),
        new("xhyve", evidence => HypervisorChecks.Program(evidence, evidence.Facts.Xhyve)),
        new("xhyve-version", HypervisorChecks.OldXhyve),
        new("hyperkit", evidence => HypervisorChecks.Program(evidence, evidence.Facts.HyperKit)),
        new("vfkit", evidence => HypervisorChecks.Program(evidence, evidence.Facts.Vfkit)),
        new("qemu-entitlement", evidence => EntitlementChecks.Look(evidence, HypervisorKind.Qemu)),
        new("xhyve-entitlement", evidence => EntitlementChecks.Look(evidence, HypervisorKind.Xhyve)),
        new("hyperkit-entitlement", evidence => EntitlementChecks.Look(evidence, HypervisorKind.HyperKit)),
        new("vfkit-entitlement", evidence => EntitlementChecks.Look(evidence, HypervisorKind.Vfkit)),
        new("virtualbox", VirtualBoxCheck.Look),
        new("vmnet", NetworkChecks.Vmnet),
        new("vpn", NetworkChecks.Vpn),
        new("disk", ResourceChecks.Disk),
        new("memory", ResourceChecks.Memory),
        new("socket-path", ResourceChecks.SocketPath),
    ];

    internal static ImmutableArray<Finding> Examine(HostEvidence evidence) =>
        [.. All.Select(check => check.Examine(evidence)).OfType<Finding>()];
}
