using VmHost.Specs;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>The hypervisors' programs.</summary>
internal static class HypervisorChecks
{
    internal static Verdict? Program(HostEvidence evidence, HypervisorFacts facts)
    {
        var name = Names.Of(facts.Kind);
        if (ForeignTo(evidence, facts) is { } foreign)
            return foreign;
        if (facts.Problem is null)
            return Verdict.Ok($"{name} found", $"version {facts.Version}, {facts.Path}");

        var isAnyUsable = evidence.Facts.Hypervisors.Any(other => other.Problem is null);
        if (facts.Path is null && (facts.Kind != BestOf(evidence) || IsReplaced(evidence)))
            return null;

        // The probe's words are what was found, then the cure.
        var (found, cure) = Names.Split(facts.Problem);
        var severity = isAnyUsable ? FindingSeverity.Warning : FindingSeverity.Problem;
        return new(severity, facts.Path is null ? $"{name} is missing" : $"{name} cannot be used", found, cure);
    }

    /// <summary>Says nothing of a newer one: that was said when it was found.</summary>
    internal static Verdict? OldXhyve(HostEvidence evidence) =>
        evidence.IsIntelMac && evidence.Facts.Xhyve is { Problem: null, OverwritesInitrd: true } xhyve
            ? new(
                evidence.SeverityFor(HypervisorKind.Xhyve),
                "xhyve is too old",
                $"xhyve {xhyve.Version} overwrites the initial ramdisk while the kernel unpacks itself, so it boots only kernels without one",
                "install a build of 2018-12 or later (brew install --HEAD xhyve), or build HyperKit from github.com/moby/hyperkit")
            : null;

    // These came by an option that names them: nobody looks for them where they do not run.
    private static Verdict? ForeignTo(HostEvidence evidence, HypervisorFacts facts)
    {
        if (facts.Path is null || facts.Kind == HypervisorKind.Qemu)
            return null;

        var name = Names.Of(facts.Kind);
        if (!evidence.Facts.Platform.IsMac)
        {
            return Verdict.Warning(
                $"{name} does not run here",
                $"{facts.Path} is named for {name}, which runs on Macs only, and this is a Linux host",
                $"start vmhostd without --{facts.ProgramName}, and use QEMU");
        }

        return evidence.IsAppleSilicon && facts.Kind is HypervisorKind.Xhyve or HypervisorKind.HyperKit
            ? Verdict.Problem(
                $"{name} does not run on Apple silicon",
                $"{facts.Path} needs an Intel processor, whatever it answers under Rosetta, and this Mac has Apple silicon",
                $"start vmhostd without --{facts.ProgramName}, and use vfkit (brew install vfkit)")
            : null;
    }

    // Which one this host should have.
    private static HypervisorKind BestOf(HostEvidence evidence) =>
        evidence switch
        {
            { IsAppleSilicon: true } => HypervisorKind.Vfkit,
            { IsIntelMac: true } => HypervisorKind.HyperKit,
            _ => HypervisorKind.Qemu,
        };

    // xhyve does what HyperKit does, as long as it is not the old one.
    private static bool IsReplaced(HostEvidence evidence) =>
        evidence.IsIntelMac && evidence.Facts.Xhyve is { Problem: null, OverwritesInitrd: false };
}
