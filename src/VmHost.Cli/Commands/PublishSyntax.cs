using System.Globalization;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Ports as docker's users type them: [ADDRESS:]HOST:GUEST[/tcp|/udp]. Their ranges are the daemon's matter.</summary>
internal static class PublishSyntax
{
    /// <exception cref="CliException">It is not of that form.</exception>
    internal static PublishedPort Parse(string label, string text)
    {
        if (text.Contains('[', StringComparison.Ordinal))
            throw new CliException(ExitCodes.Usage, $"{label}: '{text}' has an IPv6 address, which user-mode networking cannot listen on; give an IPv4 address or none");

        var (ports, protocol) = text.Split('/') switch
        {
            [var both] => (both, PortProtocol.Tcp),
            [var both, "tcp"] => (both, PortProtocol.Tcp),
            [var both, "udp"] => (both, PortProtocol.Udp),
            _ => throw Malformed(label, text),
        };
        var (address, host, guest) = ports.Split(':') switch
        {
            [var h, var g] => ("", h, g),
            [{ Length: > 0 } a, var h, var g] => (a, h, g),
            _ => throw Malformed(label, text),
        };
        return new PublishedPort { HostAddress = address, HostPort = Number(host, label, text), GuestPort = Number(guest, label, text), Protocol = protocol };
    }

    private static int Number(string port, string label, string text) =>
        int.TryParse(port, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Malformed(label, text);

    private static CliException Malformed(string label, string text) =>
        new(ExitCodes.Usage, $"{label} wants [ADDRESS:]HOST:GUEST[/tcp|udp] with an IPv4 address, such as 8080:80, not '{text}'");
}
