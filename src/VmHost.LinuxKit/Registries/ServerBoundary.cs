using System.Net;
using System.Net.Sockets;

namespace VmHost.LinuxKit.Registries;

/// <summary>
/// The boundary between servers: which requests share a login, and which server a response may send vmctl to.
/// </summary>
internal static class ServerBoundary
{
    /// <summary>True if both addresses have the same scheme, host and port. A login stays within one server.</summary>
    internal static bool IsSameServer(Uri one, Uri other) =>
        one.Scheme == other.Scheme && one.Port == other.Port && one.IdnHost.Equals(other.IdnHost, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Returns why a response of one server may not name another address, as a redirect target or as a token realm; null if it may.
    /// Plain http is for loopback addresses that a loopback server names, because an attacker on the network can change the response.
    /// A server elsewhere may not name this host or a link-local address: such a request reaches services that trust this host.
    /// </summary>
    internal static string? Objection(Uri from, Uri to)
    {
        if (IsSameServer(from, to))
            return null;
        if (to.Scheme != Uri.UriSchemeHttps && (to.Scheme != Uri.UriSchemeHttp || !to.IsLoopback || !from.IsLoopback))
            return "plain http is for this host only";
        return IsLocal(to) && !from.IsLoopback ? "a server elsewhere may not name an address of this host" : null;
    }

    // By IdnHost, which is what the connection uses: it folds other digits and dots to ASCII.
    private static bool IsLocal(Uri address)
    {
        if (address.IsLoopback || address.IdnHost.TrimEnd('.').EndsWith("localhost", StringComparison.OrdinalIgnoreCase))
            return true;
        if (!IPAddress.TryParse(address.IdnHost, out var ip))
            return false;

        ip = ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
        return IPAddress.IsLoopback(ip) || ip.IsIPv6LinkLocal || ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any)
            || (ip.AddressFamily == AddressFamily.InterNetwork && ip.GetAddressBytes() is [169, 254, ..]);
    }
}
