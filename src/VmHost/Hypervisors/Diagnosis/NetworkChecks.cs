using System.Text.RegularExpressions;
using VmHost.Specs;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>vmnet, macOS's network for guests. QEMU has one of its own that needs nothing.</summary>
internal static partial class NetworkChecks
{
    internal static Verdict? Vmnet(HostEvidence evidence)
    {
        if (!evidence.IsIntelMac)
            return null;

        var (xhyve, hyperKit) = (evidence.Facts.Xhyve, evidence.Facts.HyperKit);
        var users = new (HypervisorFacts Facts, bool IsSetuidRoot)[] { (hyperKit, hyperKit.IsSetuidRoot), (xhyve, xhyve.IsSetuidRoot) }
            .Where(user => user.Facts.Problem is null)
            .ToList();
        if (users.Count == 0)
            return null;

        HypervisorKind[] refused = evidence.Facts.Platform.IsRoot ? [] : [.. users.Where(user => !user.IsSetuidRoot).Select(user => user.Facts.Kind)];
        if (refused.Length == 0)
            return Verdict.Ok("vmnet can be used", evidence.Facts.Platform.IsRoot ? "vmhostd runs as root" : "the hypervisor runs as root (setuid)");

        // HyperKit keeps root's rights while it runs: made setuid, it would give them to everybody.
        var cure = string.Join(", or ", refused.Select(kind => kind == HypervisorKind.HyperKit
            ? "give machines the network mode VPNKIT or NONE"
            : $"let xhyve run as root, which it is only to open the network (sudo chown root {xhyve.Path} && sudo chmod u+s {xhyve.Path})"));
        return new(
            refused.Contains(evidence.Chosen) ? FindingSeverity.Problem : FindingSeverity.Warning,
            "not root for vmnet",
            $"macOS gives vmnet to root only, and vmhostd does not run as root: {string.Join(" and ", refused.Select(Names.Of))} cannot connect guests to the network",
            $"run vmhostd as root, or {cure}");
    }

    internal static Verdict? Vpn(HostEvidence evidence)
    {
        // What is not vmnet's does not care.
        if (evidence.Mac is not { } mac || evidence.Facts is { Xhyve.Problem: not null, HyperKit.Problem: not null, Vfkit.Problem: not null })
            return null;

        if ((ThroughTunnel(mac) ?? SplitThroughTunnel(mac.RoutingTable)) is { } tunnel)
        {
            return Verdict.Warning(
                "a VPN takes the guests' route",
                $"the way out of this Mac leads through {tunnel}, a VPN's tunnel, for which vmnet's NAT often does not work: guests get an address, but reach nobody",
                "disconnect the VPN, or have it leave 192.168.64.0/24 alone (split tunnel); QEMU's network (--hypervisor qemu) and HyperKit's vpnkit work all the same");
        }

        // A Mac without a network has no route that a VPN could take.
        if (mac.DefaultRoute?.Contains("not in table", StringComparison.Ordinal) == true)
            return null;

        return mac.RoutingTable is not null && Interface().Match(mac.DefaultRoute ?? "") is { Success: true } match
            ? Verdict.Ok("no VPN in the way", $"the default route leads through {match.Groups["name"].Value}")
            : Verdict.NotKnown("whether a VPN takes the guests' route is not known", "route -n get default (the interface should not be utun, ppp or ipsec)");
    }

    private static string? ThroughTunnel(MacEvidence mac) =>
        mac.DefaultRoute is { } route && Interface().Match(route) is { Success: true } match && IsTunnel(match.Groups["name"].Value)
            ? match.Groups["name"].Value
            : null;

    // Some leave the default route alone and cover it with its two halves; some take vmnet's own network.
    private static string? SplitThroughTunnel(string? table) =>
        (table ?? "").Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            .Where(columns => columns.Length >= 4 && columns[0] is "0/1" or "128.0/1" or "192.168.64" or "192.168.64/24")
            .SelectMany(columns => columns.Skip(3))
            .FirstOrDefault(IsTunnel);

    private static bool IsTunnel(string name) =>
        name.StartsWith("utun", StringComparison.Ordinal) || name.StartsWith("ppp", StringComparison.Ordinal) || name.StartsWith("ipsec", StringComparison.Ordinal);

    [GeneratedRegex(@"interface: (?<name>\S+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Interface();
}
