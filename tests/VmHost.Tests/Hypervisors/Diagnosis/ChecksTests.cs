using VmHost.Hypervisors.Diagnosis;
using VmHost.Specs;
using static VmHost.Hypervisors.Diagnosis.FindingSeverity;

namespace VmHost.Tests.Hypervisors.Diagnosis;

public sealed class ChecksTests
{
    private static readonly Dictionary<string, Case> Cases = new(StringComparer.Ordinal)
    {
        ["Intel Mac whose processor has no VT-x"] = new(Hosts.IntelMac.On(mac => mac with { HypervisorSupport = "0", CpuFeatures = Texts.IntelFeatures.Replace("VMX ", "", StringComparison.Ordinal) }), "virtualisation", Problem, "--hypervisor qemu", "no VT-x"),
        ["Intel Mac with VT-x that macOS cannot use"] = new(Hosts.IntelMac.On(mac => mac with { HypervisorSupport = "0" }), "virtualisation", Problem, "extended page tables", "kern.hv_support is 0"),
        ["Intel Mac in a virtual machine"] = new(Hosts.IntelMac.On(mac => mac with { HypervisorSupport = "0", CpuFeatures = Texts.IntelFeatures.Replace("VMX", "VMM", StringComparison.Ordinal) }), "virtualisation", Problem, "nested", "virtual machine"),
        ["Apple silicon in a virtual machine"] = new(Hosts.AppleSilicon.On(mac => mac with { HypervisorSupport = "0" }), "virtualisation", Problem, "nested", "virtual machine"),
        ["Mac whose sysctl says nothing"] = new(Hosts.IntelMac.On(mac => mac with { HypervisorSupport = null }), "virtualisation", Warning, "sysctl kern.hv_support", "could not be found out"),
        ["Intel build on Apple silicon"] = new(Hosts.AppleSilicon.On(mac => mac with { IsX64Process = true }), "rosetta", Problem, "osx-arm64", "Rosetta"),
        ["Apple silicon with xhyve named"] = new(Hosts.AppleSilicon.WithXhyve("0.2.0"), "xhyve", Problem, "without --xhyve", "Apple silicon"),
        ["Apple silicon with HyperKit named"] = new(Hosts.AppleSilicon with { Facts = Hosts.AppleSilicon.Facts with { HyperKit = Hosts.IntelMac.Facts.HyperKit } }, "hyperkit", Problem, "without --hyperkit", "Apple silicon"),
        ["Apple silicon without any"] = new(Hosts.AppleSilicon with { Facts = Hosts.AppleSilicon.Facts with { Vfkit = new(null, null, "vfkit was not found; install it (brew install vfkit) or name it with --vfkit") } }, "vfkit", Problem, "brew install vfkit", "missing"),
        ["Intel Mac with QEMU only"] = new(Hosts.IntelMac.WithoutHyperKit().WithQemu(), "hyperkit", Warning, "install", "missing"),
        ["HyperKit that does not answer"] = new(Hosts.IntelMac with { Facts = Hosts.IntelMac.Facts with { HyperKit = new("/usr/local/bin/hyperkit", null, false, "/usr/local/bin/hyperkit does not answer as hyperkit does; name another with --hyperkit") } }, "hyperkit", Problem, "--hyperkit", "cannot be used"),
        ["xhyve 0.2.0, which machines get"] = new(Hosts.IntelMac.WithoutHyperKit().WithXhyve("0.2.0"), "xhyve-version", Problem, "--HEAD xhyve", "0.2.0"),
        ["xhyve 0.2.0 beside HyperKit"] = new(Hosts.IntelMac.WithXhyve("0.2.0"), "xhyve-version", Warning, "--HEAD xhyve", "0.2.0"),
        ["not root with vmnet"] = new(Hosts.IntelMac.User(), "vmnet", Problem, "as root", "HyperKit"),
        ["not root with vmnet and xhyve alone"] = new(Hosts.IntelMac.WithoutHyperKit().WithXhyve("v0.2.0-HEAD").User(), "vmnet", Problem, "chmod u+s /usr/local/bin/xhyve", "xhyve"),
        ["not root, HyperKit setuid, xhyve not"] = new((Hosts.IntelMac with { Facts = Hosts.IntelMac.Facts with { HyperKit = Hosts.IntelMac.Facts.HyperKit with { IsSetuidRoot = true } } }).WithXhyve("1.0").User(), "vmnet", Warning, "chmod u+s", "xhyve"),
        ["VPN default route"] = new(Hosts.IntelMac.On(mac => mac with { DefaultRoute = Texts.RouteThrough("utun3") }), "vpn", Warning, "192.168.64.0/24", "utun3"),
        ["VPN default route on Apple silicon"] = new(Hosts.AppleSilicon.On(mac => mac with { DefaultRoute = Texts.RouteThrough("ipsec0") }), "vpn", Warning, "disconnect the VPN", "ipsec0"),
        ["VPN that covers the default route"] = new(Hosts.IntelMac.On(mac => mac with { RoutingTable = Texts.SplitRoutingTable }), "vpn", Warning, "disconnect the VPN", "utun4"),
        ["Mac whose routes are not known"] = new(Hosts.IntelMac.On(mac => mac with { DefaultRoute = null }), "vpn", Warning, "route -n get default", "could not be found out"),
        ["HyperKit without the entitlement"] = new(Hosts.IntelMac.Signed(HypervisorKind.HyperKit, "Executable=/usr/local/bin/hyperkit\n"), "hyperkit-entitlement", Problem, "codesign --force --sign - --entitlements", "lacks com.apple.security.hypervisor"),
        ["HyperKit with the entitlement denied"] = new(Hosts.IntelMac.Signed(HypervisorKind.HyperKit, Texts.Entitled("/usr/local/bin/hyperkit", "com.apple.security.hypervisor", "<false/>")), "hyperkit-entitlement", Problem, "codesign --force", "lacks"),
        ["HyperKit not signed"] = new(Hosts.IntelMac.Signed(HypervisorKind.HyperKit, Texts.NotSigned), "hyperkit-entitlement", Problem, "<key>com.apple.security.hypervisor</key>", "is not signed"),
        ["HyperKit, and no codesign"] = new(Hosts.IntelMac.Signed(HypervisorKind.HyperKit, null), "hyperkit-entitlement", Warning, "codesign -d", "could not be found out"),
        ["xhyve not signed beside HyperKit"] = new(Hosts.IntelMac.WithXhyve("1.0").Signed(HypervisorKind.Xhyve, Texts.NotSigned), "xhyve-entitlement", Warning, "codesign --force", "is not signed"),
        ["QEMU not signed"] = new(Hosts.IntelMac.WithoutHyperKit().WithQemu().Signed(HypervisorKind.Qemu, Texts.NotSigned), "qemu-entitlement", Warning, "codesign --force", "in software"),
        ["vfkit with HyperKit's entitlement"] = new(Hosts.AppleSilicon.Signed(HypervisorKind.Vfkit, Texts.Entitled("/opt/homebrew/bin/vfkit", "com.apple.security.hypervisor")), "vfkit-entitlement", Problem, "com.apple.security.virtualization", "lacks"),
        ["VirtualBox too old"] = new(Hosts.IntelMac.On(mac => mac with { KernelExtensions = Texts.ExtensionsWithVirtualBox("4.3.28") }), "virtualbox", Problem, "update VirtualBox", "4.3.28"),
        ["VirtualBox loaded and running a machine"] = new(Hosts.IntelMac.On(mac => mac with { KernelExtensions = Texts.ExtensionsWithVirtualBox("6.1.26") }) with { Processes = "/sbin/launchd\n/Applications/VirtualBox.app/Contents/MacOS/VBoxHeadless\n" }, "virtualbox", Warning, "power off", "6.1.26"),
        ["VirtualBox loaded, and no ps"] = new(Hosts.IntelMac.On(mac => mac with { KernelExtensions = Texts.ExtensionsWithVirtualBox("6.1.26") }) with { Processes = null }, "virtualbox", Warning, "VBoxManage", "could not be found out"),
        ["Mac whose extensions are not known"] = new(Hosts.IntelMac.On(mac => mac with { KernelExtensions = null }), "virtualbox", Warning, "kextstat", "could not be found out"),
        ["VirtualBox machine beside KVM"] = new(Hosts.Linux with { Processes = "systemd\nVirtualBoxVM\n" }, "virtualbox", Warning, "power off", "KVM"),
        ["Linux without QEMU"] = new(Hosts.Linux with { Facts = Hosts.Linux.Facts with { Qemu = new(null, null, "tcg", false, "qemu-system-x86_64 was not found in PATH or the usual places; install it (Debian: apt install qemu-system-x86; Homebrew: brew install qemu) or name it with --qemu") } }, "qemu", Problem, "install it (Debian: apt install qemu-system-x86", "missing"),
        ["Linux with another QEMU named"] = new(Hosts.Linux with { Facts = Hosts.Linux.Facts with { Qemu = new("/opt/qemu", null, "tcg", false, "/opt/qemu is not there; install qemu-system-x86_64 or name another with --qemu") } }, "qemu", Problem, "--qemu", "/opt/qemu is not there"),
        ["Linux with xhyve named"] = new(Hosts.Linux with { Facts = Hosts.Linux.Facts with { Xhyve = new("/opt/xhyve", "1.0", null) } }, "xhyve", Warning, "without --xhyve", "Linux"),
        ["Linux without the KVM device"] = new(Hosts.Linux.On(linux => new(false, null, null, linux.CpuInfo)), "kvm", Warning, "modprobe kvm_intel", "no /dev/kvm"),
        ["Linux on AMD without the KVM device"] = new(Hosts.Linux.On(_ => new(false, null, null, Texts.CpuInfo("svm"))), "kvm", Warning, "modprobe kvm_amd", "no /dev/kvm"),
        ["Linux on a processor without vmx or svm"] = new(Hosts.Linux.On(_ => new(false, null, null, Texts.CpuInfo("sep"))), "kvm", Warning, "firmware", "neither vmx nor svm"),
        ["Linux in a virtual machine without vmx or svm"] = new(Hosts.Linux.On(_ => new(false, null, null, Texts.CpuInfo("hypervisor"))), "kvm", Warning, "nested", "neither vmx nor svm"),
        ["Linux that does not tell its processor"] = new(Hosts.Linux.On(_ => new(false, null, null, null)), "kvm", Warning, "/proc/cpuinfo", "no /dev/kvm"),
        ["Linux with KVM that runs no guest"] = new(Hosts.Linux with { Facts = Hosts.Linux.Facts with { Qemu = Hosts.Linux.Facts.Qemu with { Accelerator = "tcg", Kvm = new("QEMU died of signal 6: failed to set MSR 0x10a") } } }, "kvm", Warning, "nested virtualisation", "failed to set MSR 0x10a"),
        ["Linux with KVM that is not to be used"] = new(Hosts.Linux with { Facts = Hosts.Linux.Facts with { Qemu = Hosts.Linux.Facts.Qemu with { Accelerator = "tcg" } } }, "kvm", Warning, "without --accelerator", "was told to use tcg"),
        ["Linux without permission for KVM"] = new(Hosts.Linux.On(linux => linux with { KvmOpenError = "Permission denied" }), "kvm", Warning, "usermod -aG kvm", "Permission denied"),
        ["Linux with KVM of another group"] = new(Hosts.Linux.On(linux => linux with { KvmOpenError = "Permission denied", KvmDeviceStatus = "660 qemu" }), "kvm", Warning, "usermod -aG qemu", "Permission denied"),
        ["Linux with KVM for root only"] = new(Hosts.Linux.On(linux => linux with { KvmOpenError = "Permission denied", KvmDeviceStatus = "600 root" }), "kvm", Warning, "chgrp kvm /dev/kvm", "Permission denied"),
        ["Linux with KVM whose group has no rights"] = new(Hosts.Linux.On(linux => linux with { KvmOpenError = "Permission denied", KvmDeviceStatus = "600 kvm" }), "kvm", Warning, "chmod 660", "Permission denied"),
        ["Linux with KVM, and no stat"] = new(Hosts.Linux.On(linux => linux with { KvmOpenError = "Permission denied", KvmDeviceStatus = null }), "kvm", Warning, "ls -l /dev/kvm", "Permission denied"),
        ["Linux on arm64"] = new(Hosts.Linux with { Facts = Hosts.Linux.Facts with { Platform = new(false, GuestArchitecture.Arm64, false) } }, "kvm", Warning, "x86-64 host", "x86-64"),
        ["low disk"] = new(Hosts.Linux with { FreeStateBytes = 500L << 20 }, "disk", Warning, "--state-dir", "500 MiB"),
        ["full disk"] = new(Hosts.Linux with { FreeStateBytes = 99L << 20 }, "disk", Problem, "--state-dir", "99 MiB"),
        ["unknown disk"] = new(Hosts.Linux with { FreeStateBytes = null }, "disk", Warning, "df -h", "could not be found out"),
        ["little memory"] = new(Hosts.Linux with { Memory = Texts.MemInfo(500_000) }, "memory", Warning, "--memory", "488 MiB"),
        ["no memory"] = new(Hosts.Linux with { Memory = Texts.MemInfo(100_000) }, "memory", Problem, "--memory", "97 MiB"),
        ["no memory on a Mac"] = new(Hosts.IntelMac with { Memory = Texts.VmStat(20_000) }, "memory", Problem, "--memory", "83 MiB"),
        ["memory in words of another system"] = new(Hosts.Linux with { Memory = Texts.VmStat(1) }, "memory", Warning, "free -m", "could not be found out"),
        ["Mac without vm_stat"] = new(Hosts.IntelMac with { Memory = null }, "memory", Warning, "vm_stat", "could not be found out"),
        ["long socket path"] = new(Hosts.Linux with { LongestSocketPath = "/" + new string('x', 103) }, "socket-path", Problem, "--run-dir", "104 bytes"),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_fault_is_found_with_its_cure_and_nothing_else_is(string name)
    {
        var (host, id, severity, cure, said) = Cases[name];

        var findings = Checks.Examine(host);
        var found = Assert.Single(findings, finding => finding.Id == id);
        Assert.Equal(severity, found.Severity);
        Assert.Contains(cure, found.Cure, StringComparison.Ordinal);
        Assert.Contains(said, $"{found.Title}: {found.Detail}", StringComparison.Ordinal);
        Assert.DoesNotContain(findings, finding => finding.Id != id && finding.Severity == Problem);
    }

    [Fact]
    public void Every_check_can_fail()
    {
        var complained = Cases.Values.SelectMany(one => Checks.Examine(one.Host)).Where(finding => finding.Severity != Ok).Select(finding => finding.Id);

        Assert.Empty(Checks.All.Select(check => check.Id).Except(complained));
    }

    [Fact]
    public void A_check_has_a_name_of_its_own() => Assert.Equal(Checks.All.Length, Checks.All.Select(check => check.Id).Distinct().Count());

    [Fact]
    public void All_is_well_on_a_sound_Linux_host() => AllIsWell(Hosts.Linux, "kvm", "qemu", "disk", "memory", "socket-path");

    [Fact]
    public void All_is_well_on_a_sound_Intel_Mac() =>
        AllIsWell(Hosts.IntelMac, "virtualisation", "hyperkit", "hyperkit-entitlement", "vmnet", "vpn", "disk", "memory", "socket-path");

    [Fact]
    public void All_is_well_on_sound_Apple_silicon_without_root() =>
        AllIsWell(Hosts.AppleSilicon, "virtualisation", "vfkit", "vfkit-entitlement", "vpn", "disk", "memory", "socket-path");

    [Fact]
    public void VirtualBox_that_only_sits_there_is_in_nobodys_way() =>
        Assert.Equal(Ok, Find(Hosts.IntelMac.On(mac => mac with { KernelExtensions = Texts.ExtensionsWithVirtualBox("6.1.26") }), "virtualbox")?.Severity);

    [Fact]
    public void Setuid_is_as_good_as_root_for_vmnet() =>
        Assert.Equal(Ok, Find((Hosts.IntelMac with { Facts = Hosts.IntelMac.Facts with { HyperKit = Hosts.IntelMac.Facts.HyperKit with { IsSetuidRoot = true } } }).User(), "vmnet")?.Severity);

    [Fact]
    public void Who_uses_QEMU_needs_neither_vmnet_nor_care_for_a_VPN()
    {
        var host = Hosts.IntelMac.WithoutHyperKit().WithQemu().User().On(mac => mac with { DefaultRoute = Texts.RouteThrough("utun3") });

        Assert.Null(Find(host, "vmnet"));
        Assert.Null(Find(host, "vpn"));
    }

    [Fact]
    public void A_Mac_without_a_network_has_no_VPN() =>
        Assert.Null(Find(Hosts.IntelMac.On(mac => mac with { DefaultRoute = Texts.NoDefaultRoute }), "vpn"));

    [Fact]
    public void Where_nothing_is_known_nothing_is_praised_that_was_not_seen()
    {
        var nothing = Hosts.IntelMac.Signed(HypervisorKind.HyperKit, null).On(mac => mac with
        {
            HypervisorSupport = null,
            CpuFeatures = null,
            DefaultRoute = null,
            RoutingTable = null,
            KernelExtensions = null,
        }) with
        { FreeStateBytes = null, Memory = null, Processes = null };

        Assert.Equal(["hyperkit", "vmnet", "socket-path"], Checks.Examine(nothing).Where(finding => finding.Severity == Ok).Select(finding => finding.Id));
        Assert.DoesNotContain(Checks.Examine(nothing), finding => finding.Severity == Problem);
    }

    private static void AllIsWell(HostEvidence host, params string[] ids)
    {
        var findings = Checks.Examine(host);

        Assert.All(findings, finding => Assert.Equal((Ok, null), (finding.Severity, finding.Cure)));
        Assert.Equal(ids, findings.Select(finding => finding.Id));
    }

    private static Finding? Find(HostEvidence host, string id) => Checks.Examine(host).SingleOrDefault(finding => finding.Id == id);

    private sealed record Case(HostEvidence Host, string Id, FindingSeverity Severity, string Cure, string Said);
}
