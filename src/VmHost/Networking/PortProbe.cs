using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VmHost.Specs;

namespace VmHost.Networking;

/// <summary>Finds out before a boot whether the host's ports are to be had, by taking each for an instant.</summary>
public static class PortProbe
{
    /// <summary>
    /// One fault for each port that cannot be bound. Nothing is held afterwards, so another process may still be
    /// quicker; the hypervisor's own refusal has to be understood as well.
    /// </summary>
    /// <param name="ports">Validated. Their position gives the field name.</param>
    public static ImmutableArray<SpecFault> FindTaken(IEnumerable<PublishedPort> ports)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        foreach (var (index, port) in ports.Index())
        {
            var field = string.Create(CultureInfo.InvariantCulture, $"spec.published_ports[{index}]");
            if (FaultOf(port, field) is { } fault)
                faults.Add(fault);
        }

        return faults.DrainToImmutable();
    }

    private static SpecFault? FaultOf(PublishedPort port, string field)
    {
        try
        {
            Bind(port);
            return null;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => new($"{field}.host_port", $"{port} is in use by another process; choose another port or stop what listens there ({ListCommand(port)})"),
                SocketError.AccessDenied => new($"{field}.host_port", $"{port} may not be opened by this user: ports below 1024 are privileged; choose 1024 or above, or lower net.ipv4.ip_unprivileged_port_start"),
                SocketError.AddressNotAvailable => new($"{field}.host_address", $"{port.HostAddress} is no address of this host; use 127.0.0.1, 0.0.0.0 or one that 'ip -4 addr' shows"),
                _ => new($"{field}.host_port", $"{port} cannot be opened: {e.Message}; choose another port"),
            };
        }
    }

    // For TCP, .NET sets SO_REUSEADDR on Unix, as QEMU does. On Linux that overlooks a connection in TIME_WAIT, which is
    // wanted, and no listener, whether that set the option or not. It does not listen itself: a client might get through
    // and see its connection die. For UDP .NET leaves the option off, and the bind is exclusive.
    // On macOS (never run) a listener on 0.0.0.0 does not hinder a bind to 127.0.0.1; nor does it hinder QEMU's.
    private static void Bind(PublishedPort port)
    {
        var isTcp = port.Protocol == PortProtocol.Tcp;
        using var socket = new Socket(
            AddressFamily.InterNetwork,
            isTcp ? SocketType.Stream : SocketType.Dgram,
            isTcp ? ProtocolType.Tcp : ProtocolType.Udp);

        socket.Bind(new IPEndPoint(IPAddress.Parse(port.HostAddress), port.HostPort));
    }

    private static string ListCommand(PublishedPort port)
    {
        var isTcp = port.Protocol == PortProtocol.Tcp;
        return OperatingSystem.IsMacOS()
            ? string.Create(CultureInfo.InvariantCulture, $"lsof -nP -i{(isTcp ? "TCP" : "UDP")}:{port.HostPort}")
            : string.Create(CultureInfo.InvariantCulture, $"ss -{(isTcp ? "ltnp" : "lunp")} 'sport = :{port.HostPort}'");
    }
}
