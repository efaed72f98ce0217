using System.Text.RegularExpressions;
using VmHost.Specs;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>Whether macOS lets a hypervisor's program use virtualisation: its signature must say so, root or not.</summary>
internal static partial class EntitlementChecks
{
    private const string HypervisorKey = "com.apple.security.hypervisor";
    private const string VirtualizationKey = "com.apple.security.virtualization";

    internal static Verdict? Look(HostEvidence evidence, HypervisorKind kind)
    {
        var facts = evidence.Facts.Hypervisors.First(hypervisor => hypervisor.Kind == kind);
        if (evidence.Mac is not { } mac || facts.Problem is not null || facts.Path is null)
            return null;

        // Guests that are not of the Mac's architecture are emulated; no program for Intel runs on Apple silicon at all.
        if (evidence.IsAppleSilicon && kind != HypervisorKind.Vfkit)
            return null;

        var name = Names.Of(kind);
        var key = kind == HypervisorKind.Vfkit ? VirtualizationKey : HypervisorKey;
        var said = mac.Signatures.GetValueOrDefault(kind);
        if (said is null || !IsAnswer(said))
            return Verdict.NotKnown($"{name}'s entitlement is not known", $"codesign -d --entitlements - --xml {ShellPath(facts.Path)} (it should name {key})");
        if (Granted().Matches(said).Any(match => match.Groups["key"].Value == key))
            return Verdict.Ok($"{name} is entitled", $"its signature has {key}");

        var isUnsigned = said.Contains("not signed at all", StringComparison.Ordinal);
        var effect = kind == HypervisorKind.Qemu ? "macOS lets it emulate in software only, slowly" : "macOS does not let it make a virtual machine";
        return new(
            evidence.SeverityFor(kind) == FindingSeverity.Problem && kind != HypervisorKind.Qemu ? FindingSeverity.Problem : FindingSeverity.Warning,
            $"{name} lacks an entitlement",
            $"{(isUnsigned ? $"{facts.Path} is not signed" : $"the signature of {facts.Path} lacks {key}")}, so {effect}",
            $"sign it: echo '<plist version=\"1.0\"><dict><key>{key}</key><true/></dict></plist>' >vm.plist && codesign --force --sign - --entitlements vm.plist {ShellPath(facts.Path)}");
    }

    // codesign names the file that it looked at; without that it said nothing about it.
    private static bool IsAnswer(string said) =>
        said.Contains("Executable=", StringComparison.Ordinal) || said.Contains("not signed at all", StringComparison.Ordinal);

    private static string ShellPath(string path) =>
        path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '_' or '-') ? path : $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    [GeneratedRegex(@"<key>\s*(?<key>[\w.\-]+)\s*</key>\s*<true\s*/>", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Granted();
}
