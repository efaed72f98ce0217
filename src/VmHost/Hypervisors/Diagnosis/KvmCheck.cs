using System.Text.RegularExpressions;
using VmHost.Specs;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>Whether QEMU may use the processor's virtualisation on Linux; without it guests run, slowly.</summary>
internal static partial class KvmCheck
{
    private const string Title = "KVM cannot be used";
    private const string Slow = "so guests are emulated in software, which is slow";

    internal static Verdict? Look(HostEvidence evidence)
    {
        if (evidence.Linux is not { } linux)
            return null;
        if (evidence.Facts.Platform.Architecture != GuestArchitecture.X64)
            return Verdict.Warning(Title, $"this host's processor is no x86-64, which QEMU's guests are, {Slow}", "use an x86-64 host");
        if (linux is { HasKvmDevice: true, KvmOpenError: null })
            return Opened(evidence.Facts.Qemu);

        return linux.HasKvmDevice ? NotOpened(linux) : NoDevice(linux.CpuInfo);
    }

    private static Verdict Opened(QemuFacts qemu) =>
        qemu switch
        {
            { Kvm.Problem: { } problem } => Verdict.Warning(
                Title,
                $"/dev/kvm can be opened, but QEMU cannot run a guest by it ({problem}), {Slow}",
                "if this host is a virtual machine, look at its nested virtualisation; else update QEMU or end other hypervisors; it is tried again each minute"),
            { Kvm: not null } => Verdict.Ok("KVM can be used", "/dev/kvm can be opened, and a guest ran by it"),
            { Accelerator: not "kvm" } => Verdict.Warning("KVM is not used", $"/dev/kvm can be opened, but vmhostd was told to use {qemu.Accelerator}", "start vmhostd without --accelerator"),
            _ => Verdict.Ok("KVM can be used", "/dev/kvm can be opened; whether a guest runs by it was not tried"),
        };

    private static Verdict NotOpened(LinuxEvidence linux)
    {
        var group = DeviceStatus().Match(linux.KvmDeviceStatus ?? "");
        var detail = $"/dev/kvm is there, but cannot be opened ({linux.KvmOpenError}), {Slow}";
        if (!group.Success)
            return Verdict.Warning(Title, detail, "see whose it is (ls -l /dev/kvm), join its group (sudo usermod -aG GROUP USER), log in again and restart vmhostd");

        // Root's own group is nobody's to join, and UNKNOWN is a number without a name, as in containers.
        var name = group.Groups["name"].Value;
        return name is "root" or "UNKNOWN" || !group.Groups["group"].ValueSpan.ContainsAny('6', '7')
            ? Verdict.Warning(Title, detail, "give it to a group that may use it (sudo chgrp kvm /dev/kvm && sudo chmod 660 /dev/kvm) and join that (sudo usermod -aG kvm USER), log in again and restart vmhostd")
            : Verdict.Warning(Title, detail, $"join the group {name} (sudo usermod -aG {name} USER), log in again and restart vmhostd");
    }

    private static Verdict NoDevice(string? cpuInfo)
    {
        if (cpuInfo is null)
            return Verdict.Warning(Title, $"there is no /dev/kvm, {Slow}", "see whether the processor can (grep -E 'vmx|svm' /proc/cpuinfo), and load the module if so (sudo modprobe kvm_intel or kvm_amd)");

        var flags = Flags().Match(cpuInfo).Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (flags.Contains("vmx") || flags.Contains("svm"))
        {
            var module = flags.Contains("vmx") ? "kvm_intel" : "kvm_amd";
            return Verdict.Warning(
                Title,
                $"the processor can, but there is no /dev/kvm, {Slow}",
                $"load the module (sudo modprobe {module}); if it says that it is disabled, switch virtualisation on in the firmware; in a container pass the device on (--device /dev/kvm)");
        }

        return flags.Contains("hypervisor")
            ? Verdict.Warning(Title, $"this host is a virtual machine whose processor has no virtualisation (neither vmx nor svm), {Slow}", "switch nested virtualisation on where this virtual machine is set up, or use another host")
            : Verdict.Warning(Title, $"the processor has no virtualisation (neither vmx nor svm), {Slow}", "switch virtualisation (VT-x, SVM) on in the firmware, if the processor has it, or use another host");
    }

    [GeneratedRegex(@"^[0-7]*(?<group>[0-7])[0-7] (?<name>\S+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex DeviceStatus();

    [GeneratedRegex(@"^flags\s*:.*$", RegexOptions.NonBacktracking | RegexOptions.Multiline, 1000)]
    private static partial Regex Flags();
}
