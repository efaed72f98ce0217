namespace VmHost.Hypervisors.Diagnosis;

/// <summary>A Mac's processor. Linux has KVM's check instead.</summary>
internal static class ProcessorChecks
{
    // What a Mac in a virtual machine has among its processor's features.
    private const string InMachine = "VMM";
    private const string VtX = "VMX";

    internal static Verdict? Rosetta(HostEvidence evidence) =>
        evidence.Mac is { IsX64Process: true, Arm64Support: "1" }
            ? Verdict.Problem(
                "vmhostd has the wrong architecture",
                "it is the build for Intel Macs and runs under Rosetta, and so would every hypervisor that it starts: no virtualisation works there",
                "install vmhostd for Apple silicon (osx-arm64)")
            : null;

    internal static Verdict? Virtualisation(HostEvidence evidence)
    {
        if (evidence.Mac is not { } mac)
            return null;

        var features = (mac.CpuFeatures ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return mac.HypervisorSupport switch
        {
            "1" => Verdict.Ok("Hypervisor.framework works", "kern.hv_support is 1"),
            null => Verdict.NotKnown("whether Hypervisor.framework works is not known", "sysctl kern.hv_support (1 is good)"),
            _ when features.Contains(InMachine) || (evidence.IsAppleSilicon && mac.HypervisorSupport == "0") => Verdict.Problem(
                "no virtualisation",
                "this macOS runs in a virtual machine that passes no virtualisation on (kern.hv_support is 0)",
                "switch nested virtualisation on for it, run vmhostd on the Mac itself, or use QEMU (--hypervisor qemu), which then emulates in software, slowly"),
            _ when mac.CpuFeatures is not null && !features.Contains(VtX) => Verdict.Problem(
                "no VT-x",
                "this Mac's processor has no VT-x (no VMX among machdep.cpu.features), so no native hypervisor runs",
                "use a Mac with VT-x (2010 or later), or QEMU (--hypervisor qemu), which then emulates in software, slowly"),
            _ => Verdict.Problem(
                "no virtualisation",
                $"macOS says that Hypervisor.framework does not work on this Mac (kern.hv_support is {mac.HypervisorSupport})",
                "use a Mac with VT-x and extended page tables (2010 or later), or QEMU (--hypervisor qemu), which then emulates in software, slowly"),
        };
    }
}
