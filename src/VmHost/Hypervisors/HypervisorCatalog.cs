using VmHost.Hypervisors.HyperKit;
using VmHost.Hypervisors.Qemu;
using VmHost.Hypervisors.Vfkit;
using VmHost.Hypervisors.Xhyve;
using VmHost.Specs;

namespace VmHost.Hypervisors;

/// <summary>The hypervisors that this version drives.</summary>
public static class HypervisorCatalog
{
    private static readonly QemuHypervisor Qemu = new();
    private static readonly XhyveHypervisor Xhyve = new();
    private static readonly HyperKitHypervisor HyperKit = new();
    private static readonly VfkitHypervisor Vfkit = new();

    /// <summary>The one of this kind.</summary>
    public static IHypervisor Get(HypervisorKind kind) =>
        kind switch
        {
            HypervisorKind.Qemu => Qemu,
            HypervisorKind.Xhyve => Xhyve,
            HypervisorKind.HyperKit => HyperKit,
            HypervisorKind.Vfkit => Vfkit,
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such hypervisor"),
        };

    /// <summary>
    /// The one asked for; for <see cref="HypervisorKind.Auto"/> the best of this host: on a Mac the native one that is
    /// there, else QEMU.
    /// </summary>
    public static IHypervisor Choose(HypervisorKind kind, HostFacts host) =>
        kind switch
        {
            HypervisorKind.Auto when host.Platform is { IsMac: true, Architecture: GuestArchitecture.Arm64 } && host.Vfkit.Problem is null => Vfkit,
            HypervisorKind.Auto when host.Platform is { IsMac: true, Architecture: GuestArchitecture.X64 } && host.HyperKit.Problem is null => HyperKit,
            HypervisorKind.Auto when host.Platform is { IsMac: true, Architecture: GuestArchitecture.X64 } && host.Xhyve.Problem is null => Xhyve,
            HypervisorKind.Auto => Qemu,
            _ => Get(kind),
        };
}
