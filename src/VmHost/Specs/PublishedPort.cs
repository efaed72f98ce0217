using System.Globalization;

namespace VmHost.Specs;

/// <summary>The protocol of a published port.</summary>
public enum PortProtocol
{
    /// <summary>TCP; what an unset protocol means.</summary>
    Tcp,

    /// <summary>UDP.</summary>
    Udp,
}

/// <summary>A guest port that is reachable on the host, by user-mode networking.</summary>
/// <param name="HostAddress">IPv4 literal to listen on. In a request, empty means 127.0.0.1.</param>
/// <param name="HostPort">1 to 65535; must be free when the machine starts.</param>
/// <param name="GuestPort">1 to 65535.</param>
/// <param name="Protocol">TCP or UDP.</param>
public sealed record PublishedPort(string HostAddress, int HostPort, int GuestPort, PortProtocol Protocol) : StoredObject
{
    /// <summary>The host's side, as <c>127.0.0.1:6379/tcp</c>.</summary>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{HostAddress}:{HostPort}/{(Protocol == PortProtocol.Udp ? "udp" : "tcp")}");
}
