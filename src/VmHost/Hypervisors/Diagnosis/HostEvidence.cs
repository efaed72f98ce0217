using VmHost.Specs;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>
/// What was seen on a host, as raw as it came, so that the checks can be tried with what other hosts said. Null is
/// always: not known, because there was nobody to ask or no sensible answer.
/// </summary>
public sealed record HostEvidence
{
    /// <summary>The host and its hypervisors.</summary>
    public required HostFacts Facts { get; init; }

    /// <summary>The daemon's state directory.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>What this user may still write there, in bytes.</summary>
    public required long? FreeStateBytes { get; init; }

    /// <summary>The longest path of a socket that a machine will have.</summary>
    public required string LongestSocketPath { get; init; }

    /// <summary>Linux: <c>/proc/meminfo</c>; a Mac: <c>vm_stat</c>.</summary>
    public required string? Memory { get; init; }

    /// <summary>Names of the programs that run, one a line.</summary>
    public required string? Processes { get; init; }

    /// <summary>Null on a Mac.</summary>
    public LinuxEvidence? Linux { get; init; }

    /// <summary>Null on Linux.</summary>
    public MacEvidence? Mac { get; init; }

    /// <summary>The hypervisor of a machine that names none.</summary>
    internal HypervisorKind Chosen => HypervisorCatalog.Choose(HypervisorKind.Auto, Facts).Kind;

    internal bool IsIntelMac => Facts.Platform is { IsMac: true, Architecture: GuestArchitecture.X64 };

    internal bool IsAppleSilicon => Facts.Platform is { IsMac: true, Architecture: GuestArchitecture.Arm64 };

    /// <summary>A problem of this hypervisor matters as much as it is the one that machines get.</summary>
    internal FindingSeverity SeverityFor(HypervisorKind kind) => kind == Chosen ? FindingSeverity.Problem : FindingSeverity.Warning;
}

/// <summary>What only Linux has.</summary>
/// <param name="HasKvmDevice">There is a /dev/kvm.</param>
/// <param name="KvmOpenError">Why this user cannot open it, in the system's words; null when they can, or there is none.</param>
/// <param name="KvmDeviceStatus"><c>stat -c '%a %G'</c> of it: permission bits and group.</param>
/// <param name="CpuInfo"><c>/proc/cpuinfo</c>.</param>
public sealed record LinuxEvidence(bool HasKvmDevice, string? KvmOpenError, string? KvmDeviceStatus, string? CpuInfo);

/// <summary>What only macOS has.</summary>
public sealed record MacEvidence
{
    /// <summary>vmhostd itself is a program for x86-64.</summary>
    public required bool IsX64Process { get; init; }

    /// <summary><c>sysctl -n hw.optional.arm64</c>: 1 on Apple silicon, also under Rosetta; Intel Macs know no such name.</summary>
    public required string? Arm64Support { get; init; }

    /// <summary><c>sysctl -n kern.hv_support</c>: 1 where Hypervisor.framework works.</summary>
    public required string? HypervisorSupport { get; init; }

    /// <summary><c>sysctl -n machdep.cpu.features</c>; Apple silicon knows no such name.</summary>
    public required string? CpuFeatures { get; init; }

    /// <summary><c>route -n get default</c>.</summary>
    public required string? DefaultRoute { get; init; }

    /// <summary><c>netstat -rn -f inet</c>.</summary>
    public required string? RoutingTable { get; init; }

    /// <summary><c>kextstat</c>.</summary>
    public required string? KernelExtensions { get; init; }

    /// <summary><c>codesign -d --entitlements - --xml PATH</c> of each hypervisor that there is, both its outputs.</summary>
    public required IReadOnlyDictionary<HypervisorKind, string?> Signatures { get; init; }
}
