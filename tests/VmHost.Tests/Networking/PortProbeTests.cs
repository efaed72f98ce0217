using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using VmHost.Networking;
using VmHost.Specs;

namespace VmHost.Tests.Networking;

public sealed class PortProbeTests
{
    private const string Loopback = "127.0.0.1";
    private const string AnyAddress = "0.0.0.0";

    // Documentation addresses (RFC 5737): no host has them.
    private const string Foreign = "192.0.2.1";

    [Theory]
    [InlineData(PortProtocol.Tcp)]
    [InlineData(PortProtocol.Udp)]
    public void A_free_port_is_no_fault_and_free_afterwards(PortProtocol protocol)
    {
        var port = new PublishedPort(Loopback, FreePort(protocol), 80, protocol);

        Assert.Empty(PortProbe.FindTaken([port]));
        Assert.Empty(PortProbe.FindTaken([port]));
    }

    [Theory]
    [InlineData(Loopback, Loopback)]
    [InlineData(Loopback, AnyAddress)]
    [InlineData(AnyAddress, Loopback)]
    [InlineData(AnyAddress, AnyAddress)]
    public void A_port_with_a_listener_is_taken(string listening, string asked)
    {
        using var listener = Listen(listening);

        var fault = Assert.Single(PortProbe.FindTaken([Tcp(asked, PortOf(listener))]));

        Assert.Equal("spec.published_ports[0].host_port", fault.Field);
        Assert.Equal(
            $"{asked}:{PortOf(listener)}/tcp is in use by another process; choose another port or stop what listens there (ss -ltnp 'sport = :{PortOf(listener)}')",
            fault.Message);
    }

    [Fact]
    public void A_listener_on_another_address_of_the_host_does_not_matter()
    {
        using var listener = Listen("127.0.0.2");

        Assert.Empty(PortProbe.FindTaken([Tcp("127.0.0.3", PortOf(listener))]));
    }

    [Theory]
    [InlineData(Loopback, Loopback)]
    [InlineData(AnyAddress, Loopback)]
    [InlineData(Loopback, AnyAddress)]
    public void A_udp_port_with_a_socket_is_taken(string bound, string asked)
    {
        using var socket = BindUdp(bound);

        var fault = Assert.Single(PortProbe.FindTaken([new PublishedPort(asked, PortOf(socket), 53, PortProtocol.Udp)]));

        Assert.Equal("spec.published_ports[0].host_port", fault.Field);
        Assert.StartsWith($"{asked}:{PortOf(socket)}/udp is in use by another process", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"ss -lunp 'sport = :{PortOf(socket)}'", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_other_protocol_on_the_same_port_does_not_matter()
    {
        using var socket = BindUdp("127.0.0.4");

        Assert.Empty(PortProbe.FindTaken([Tcp("127.0.0.4", PortOf(socket))]));
    }

    [Fact]
    public async Task A_connection_in_time_wait_does_not_hold_the_port()
    {
        var port = await LeaveInTimeWaitAsync(TestContext.Current.CancellationToken);

        Assert.Contains(
            IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections(),
            connection => connection.LocalEndPoint.Port == port && connection.State == TcpState.TimeWait);
        Assert.Empty(PortProbe.FindTaken([Tcp(Loopback, port)]));
    }

    [Theory]
    [InlineData(PortProtocol.Tcp)]
    [InlineData(PortProtocol.Udp)]
    public void An_address_of_another_host_is_a_fault_of_the_address(PortProtocol protocol)
    {
        var fault = Assert.Single(PortProbe.FindTaken([new PublishedPort(Foreign, FreePort(protocol), 80, protocol)]));

        Assert.Equal("spec.published_ports[0].host_address", fault.Field);
        Assert.StartsWith($"{Foreign} is no address of this host; use 127.0.0.1", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_taken_port_is_told_by_its_position()
    {
        using var first = Listen(Loopback);
        using var second = Listen(Loopback);

        var faults = PortProbe.FindTaken(
        [
            Tcp(Loopback, PortOf(first)),
            Tcp(Loopback, FreePort(PortProtocol.Tcp)),
            Tcp(Loopback, PortOf(second)),
        ]);

        Assert.Equal(
            ["spec.published_ports[0].host_port", "spec.published_ports[2].host_port"],
            faults.Select(static fault => fault.Field));
    }

    [Fact]
    public void No_ports_are_no_faults() => Assert.Empty(PortProbe.FindTaken([]));

    // Who closes first ends in TIME_WAIT: the server's end, whose port is the one to publish.
    private static async Task<int> LeaveInTimeWaitAsync(CancellationToken ct)
    {
        using var listener = Listen(Loopback);
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(listener.LocalEndPoint!, ct);
        using var server = await listener.AcceptAsync(ct);

        server.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await client.ReceiveAsync(new byte[1], ct));
        client.Shutdown(SocketShutdown.Send);

        // The client's end has arrived, so this one is in TIME_WAIT from here on.
        Assert.Equal(0, await server.ReceiveAsync(new byte[1], ct));
        return PortOf(listener);
    }

    private static PublishedPort Tcp(string address, int port) => new(address, port, 80, PortProtocol.Tcp);

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

    private static int FreePort(PortProtocol protocol)
    {
        using var socket = protocol == PortProtocol.Tcp ? Listen(Loopback) : BindUdp(Loopback);
        return PortOf(socket);
    }

    private static Socket Listen(string address)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        listener.Listen();
        return listener;
    }

    private static Socket BindUdp(string address)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        return socket;
    }
}
