using System.Collections.Immutable;
using System.Globalization;

namespace VmHost.Specs;

/// <summary>Checks what a request says about the network interface.</summary>
internal static class NetworkValidator
{
    private const string Field = "spec.networks[0]";

    /// <summary>The interface with its MAC address in one form; faults are added.</summary>
    internal static Network Check(Network asked, ImmutableArray<SpecFault>.Builder faults)
    {
        if (!Enum.IsDefined(asked.Mode))
            faults.Add(new($"{Field}.mode", $"{(int)asked.Mode} is not a mode that this version knows; use NAT or NONE"));

        if (asked.Mode != NetworkMode.Vpnkit && asked.VpnkitSocket is not null)
            faults.Add(new($"{Field}.vpnkit_socket", "is set, and the mode is not VPNKIT; set the mode, or leave the socket out"));
        else if (asked.Mode == NetworkMode.Vpnkit && asked.VpnkitSocket is not { Length: > 0 })
            faults.Add(new($"{Field}.vpnkit_socket", "is not set, and mode VPNKIT needs it; give the absolute path of vpnkit's Ethernet socket"));

        if (asked.MacAddress is not { } mac)
            return asked;

        if (asked.Mode == NetworkMode.None)
            faults.Add(new($"{Field}.mac_address", "is set, and mode NONE makes no interface; leave it out"));
        if (MacFaultOf(mac) is { } fault)
            faults.Add(new($"{Field}.mac_address", fault));

        return asked with { MacAddress = mac.ToLowerInvariant() };
    }

    private static string? MacFaultOf(string mac)
    {
        var octets = mac.Split(':');
        var bytes = new byte[6];
        if (octets.Length != bytes.Length)
            return NoAddress(mac);

        for (var i = 0; i < bytes.Length; i++)
        {
            if (octets[i].Length != 2 || !byte.TryParse(octets[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[i]))
                return NoAddress(mac);
        }

        if ((bytes[0] & 1) != 0)
            return $"{Quoted.Ascii(mac)} is a multicast address; make its first octet even, such as 52";

        return Array.TrueForAll(bytes, static octet => octet == 0) ? $"{Quoted.Ascii(mac)} is no address; give one such as 52:54:00:12:34:56" : null;
    }

    private static string NoAddress(string mac) =>
        $"{Quoted.Ascii(mac)} is no MAC address; give six octets in hex with colons, such as 52:54:00:12:34:56";
}
