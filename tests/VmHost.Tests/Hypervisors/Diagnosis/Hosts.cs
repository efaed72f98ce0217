using VmHost.Hypervisors.Diagnosis;
using VmHost.Specs;

namespace VmHost.Tests.Hypervisors.Diagnosis;

/// <summary>Sound hosts; each test breaks one of them in one place.</summary>
internal static class Hosts
{
    private const string NotFound = "was not found in PATH or the usual places; install it or name it with an option";

    internal static HostEvidence Linux { get; } = new()
    {
        Facts = new()
        {
            Platform = new(IsMac: false, GuestArchitecture.X64, IsRoot: false),
            Qemu = new("/usr/bin/qemu-system-x86_64", "7.2.22", "kvm", HasSandbox: true, Problem: null),
            Xhyve = new(null, null, "xhyve runs on Intel Macs only, and this is a Linux host; use QEMU"),
            HyperKit = new(null, null, false, "HyperKit runs on Intel Macs only, and this is a Linux host; use QEMU"),
            Vfkit = new(null, null, "vfkit runs on Macs only, and this is a Linux host; use QEMU"),
        },
        StateDirectory = "/home/ada/.local/state/vmhost",
        FreeStateBytes = 70L << 30,
        LongestSocketPath = "/run/user/1000/vmhost/0123456789ab/shim.sock",
        Memory = Texts.MemInfo(23_660_052),
        Processes = "systemd\nbash\nvmhostd\n",
        Linux = new(HasKvmDevice: true, KvmOpenError: null, KvmDeviceStatus: "660 kvm", CpuInfo: Texts.CpuInfo("vmx")),
    };

    internal static HostEvidence IntelMac { get; } = new()
    {
        Facts = new()
        {
            Platform = new(IsMac: true, GuestArchitecture.X64, IsRoot: true),
            Qemu = new(null, null, "hvf:tcg", false, $"qemu-system-x86_64 {NotFound}"),
            Xhyve = new(null, null, $"xhyve {NotFound}"),
            HyperKit = new("/usr/local/bin/hyperkit", "v0.20210107", false, Problem: null),
            Vfkit = new(null, null, $"vfkit {NotFound}"),
        },
        StateDirectory = "/Users/ada/.local/state/vmhost",
        FreeStateBytes = 70L << 30,
        LongestSocketPath = "/tmp/vmhost-0/0123456789ab/shim.sock",
        Memory = Texts.VmStat(freePages: 1_000_000),
        Processes = "/sbin/launchd\n/Applications/Visual Studio Code.app/Contents/MacOS/Electron\n",
        Mac = new()
        {
            IsX64Process = true,
            Arm64Support = null,
            HypervisorSupport = "1",
            CpuFeatures = Texts.IntelFeatures,
            DefaultRoute = Texts.RouteThrough("en0"),
            RoutingTable = Texts.RoutingTable,
            KernelExtensions = Texts.Extensions,
            Signatures = new Dictionary<HypervisorKind, string?> { [HypervisorKind.HyperKit] = Texts.Entitled("/usr/local/bin/hyperkit", "com.apple.security.hypervisor") },
        },
    };

    internal static HostEvidence AppleSilicon { get; } = IntelMac with
    {
        Facts = new()
        {
            Platform = new(IsMac: true, GuestArchitecture.Arm64, IsRoot: false),
            Qemu = new(null, null, "hvf:tcg", false, $"qemu-system-x86_64 {NotFound}"),
            Xhyve = new(null, null, "xhyve runs on Intel Macs only, and this one has Apple silicon; use vfkit"),
            HyperKit = new(null, null, false, "HyperKit runs on Intel Macs only, and this one has Apple silicon; use vfkit"),
            Vfkit = new("/opt/homebrew/bin/vfkit", "v0.6.1", Problem: null),
        },
        Mac = IntelMac.Mac with
        {
            IsX64Process = false,
            Arm64Support = "1",
            CpuFeatures = null,
            Signatures = new Dictionary<HypervisorKind, string?> { [HypervisorKind.Vfkit] = Texts.Entitled("/opt/homebrew/bin/vfkit", "com.apple.security.virtualization") },
        },
    };

    internal static HostEvidence WithXhyve(this HostEvidence host, string version) => host with
    {
        Facts = host.Facts with { Xhyve = new("/usr/local/bin/xhyve", version, Problem: null) },
        Mac = host.Mac! with
        {
            Signatures = new Dictionary<HypervisorKind, string?>(host.Mac.Signatures) { [HypervisorKind.Xhyve] = Texts.Entitled("/usr/local/bin/xhyve", "com.apple.security.hypervisor") },
        },
    };

    internal static HostEvidence WithoutHyperKit(this HostEvidence host) =>
        host with { Facts = host.Facts with { HyperKit = new(null, null, false, $"hyperkit {NotFound}") } };

    internal static HostEvidence WithQemu(this HostEvidence host) => host with
    {
        Facts = host.Facts with { Qemu = new("/usr/local/bin/qemu-system-x86_64", "9.1.0", "hvf:tcg", false, Problem: null) },
        Mac = host.Mac! with
        {
            Signatures = new Dictionary<HypervisorKind, string?>(host.Mac.Signatures) { [HypervisorKind.Qemu] = Texts.Entitled("/usr/local/bin/qemu-system-x86_64", "com.apple.security.hypervisor") },
        },
    };

    internal static HostEvidence Signed(this HostEvidence host, HypervisorKind kind, string? said) =>
        host with { Mac = host.Mac! with { Signatures = new Dictionary<HypervisorKind, string?>(host.Mac.Signatures) { [kind] = said } } };

    internal static HostEvidence User(this HostEvidence host) =>
        host with { Facts = host.Facts with { Platform = host.Facts.Platform with { IsRoot = false } } };

    internal static HostEvidence On(this HostEvidence host, Func<MacEvidence, MacEvidence> change) => host with { Mac = change(host.Mac!) };

    internal static HostEvidence On(this HostEvidence host, Func<LinuxEvidence, LinuxEvidence> change) => host with { Linux = change(host.Linux!) };
}
