using System.Text.RegularExpressions;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>VirtualBox uses VT-x on its own account, beside the system's own virtualisation.</summary>
internal static partial class VirtualBoxCheck
{
    // The first that shares VT-x with Hypervisor.framework (its changelog); before it, xhyve brought the whole Mac down.
    private static readonly Version FirstToShare = new(4, 3, 30);

    private static readonly string[] Machines = ["VBoxHeadless", "VirtualBoxVM"];

    internal static Verdict? Look(HostEvidence evidence)
    {
        // VirtualBox for Apple silicon has no driver of its own.
        if (evidence.IsAppleSilicon)
            return null;

        var runs = evidence.Processes is { } processes
            ? processes.Split('\n').Any(line => Machines.Contains(Path.GetFileName(line.Trim()), StringComparer.Ordinal))
            : (bool?)null;
        return evidence.Mac is { } mac ? OnMac(mac.KernelExtensions, runs) : OnLinux(evidence, runs);
    }

    private static Verdict? OnMac(string? extensions, bool? runs)
    {
        if (extensions is null)
            return Verdict.NotKnown("whether VirtualBox is loaded is not known", "kextstat | grep -i vbox (nothing is good)");

        var driver = Driver().Match(extensions);
        if (!driver.Success)
            return null;

        var version = driver.Groups["version"].Value;
        if (!Version.TryParse(version, out var loaded) || loaded < FirstToShare)
        {
            return Verdict.Problem(
                "VirtualBox is too old",
                $"the driver of VirtualBox {version} is loaded; with one older than {FirstToShare} a native hypervisor can crash the whole Mac",
                "update VirtualBox to 5.0 or later, or remove it and restart the Mac");
        }

        return runs switch
        {
            true => Verdict.Warning(
                "a VirtualBox machine runs",
                $"VirtualBox {version} uses VT-x while one of its machines runs, and a native hypervisor may not start then",
                "power off VirtualBox's machines"),
            null => Verdict.NotKnown($"VirtualBox {version} is loaded; whether a machine of it runs is not known", "VBoxManage list runningvms"),
            false => Verdict.Ok("VirtualBox is not in the way", $"the driver of VirtualBox {version} is loaded, but none of its machines runs"),
        };
    }

    private static Verdict? OnLinux(HostEvidence evidence, bool? runs) =>
        runs == true && evidence.Linux is { HasKvmDevice: true, KvmOpenError: null }
            ? Verdict.Warning(
                "a VirtualBox machine runs",
                "VirtualBox and KVM do not share the processor's virtualisation: while one of VirtualBox's machines runs, QEMU may not start",
                "power off VirtualBox's machines")
            : null;

    [GeneratedRegex(@"org\.virtualbox\.kext\.VBoxDrv \((?<version>[\d.]+)\)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Driver();
}
