using VmHost.Hypervisors.Qemu;
using VmHost.Specs;

namespace VmHost.Hypervisors;

/// <summary>The hypervisors that this version drives.</summary>
public static class HypervisorCatalog
{
    private static readonly QemuHypervisor Qemu = new();

    /// <summary>The one asked for; for <see cref="HypervisorKind.Auto"/> the best of this host.</summary>
    public static IHypervisor Get(HypervisorKind kind) =>
        kind switch
        {
            HypervisorKind.Auto or HypervisorKind.Qemu => Qemu,
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such hypervisor"),
        };
}
