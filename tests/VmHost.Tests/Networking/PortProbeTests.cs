using System.Net;
using System.Net.Sockets;
using VmHost.Networking;
using VmHost.Specs;

namespace VmHost.Tests.Networking;

public sealed class PortProbeTests
{
    private const string Loopback = "127.0.0.1";

    [Fact]
    public void A_free_port_is_no_fault_and_stays_free()
    {
        var port = FreePort();

        Assert.Empty(PortProbe.FindTaken([port]));
        Assert.Empty(PortProbe.FindTaken([port]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_port_that_another_listens_on_is_named_with_the_cure(bool listenerReusesAddress)
    {
        using var listener = Listen(listenerReusesAddress, Loopback);
        var number = PortOf(listener);

        var fault = Assert.Single(PortProbe.FindTaken([FreePort(), Port(number)]));

        Assert.Equal("spec.published_ports[1].host_port", fault.Field);
        Assert.Equal($"127.0.0.1:{number}/tcp is in use by another process; choose another port or stop what listens there (ss -ltnp 'sport = :{number}')", fault.Message);
    }

    [Theory]
    [InlineData("0.0.0.0", Loopback)]
    [InlineData(Loopback, "0.0.0.0")]
    public void A_listener_on_every_address_takes_the_port_of_each_and_the_other_way_round(string listens, string asked)
    {
        using var listener = Listen(true, listens);

        Assert.Single(PortProbe.FindTaken([Port(PortOf(listener)) with { HostAddress = asked }]));
    }

    [Fact]
    public void A_listener_on_another_address_takes_nothing()
    {
        using var listener = Listen(true, Loopback);

        Assert.Empty(PortProbe.FindTaken([Port(PortOf(listener)) with { HostAddress = "127.0.0.2" }]));
    }

    [Fact]
    public async Task A_connection_in_time_wait_does_not_take_its_port()
    {
        var ct = TestContext.Current.CancellationToken;
        var listener = Listen(true, Loopback);
        var number = PortOf(listener);
        using (var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            await client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, number), ct);
            var server = await listener.AcceptAsync(ct);

            // Who closes first waits: the server's side, whose local port is the listener's.
            server.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], ct));
            client.Close();
            Assert.Equal(0, await server.ReceiveAsync(new byte[1], ct));
            server.Close();
        }

        listener.Close();
        Assert.Contains(
            System.Net.NetworkInformation.IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections(),
            connection => connection.LocalEndPoint.Port == number && connection.State == System.Net.NetworkInformation.TcpState.TimeWait);

        Assert.Empty(PortProbe.FindTaken([Port(number)]));
    }

    [Fact]
    public void A_udp_port_that_is_bound_is_named_with_the_cure()
    {
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var number = PortOf(bound);

        var fault = Assert.Single(PortProbe.FindTaken([Port(number) with { Protocol = PortProtocol.Udp }]));

        Assert.Contains($"127.0.0.1:{number}/udp is in use", fault.Message, StringComparison.Ordinal);
        Assert.Contains("ss -lunp", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tcp_listener_does_not_take_the_udp_port()
    {
        using var listener = Listen(true, Loopback);

        Assert.Empty(PortProbe.FindTaken([Port(PortOf(listener)) with { Protocol = PortProtocol.Udp }]));
    }

    [Fact]
    public void An_address_of_another_host_is_the_addresss_fault()
    {
        // 192.0.2.0/24 is kept for documentation: no host has it.
        var fault = Assert.Single(PortProbe.FindTaken([FreePort() with { HostAddress = "192.0.2.1" }]));

        Assert.Equal("spec.published_ports[0].host_address", fault.Field);
        Assert.Contains("192.0.2.1 is no address of this host", fault.Message, StringComparison.Ordinal);
    }

    private static PublishedPort Port(int number) => new(Loopback, number, 80, PortProtocol.Tcp);

    private static PublishedPort FreePort()
    {
        using var listener = Listen(true, Loopback);
        return Port(PortOf(listener));
    }

    private static Socket Listen(bool reuseAddress, string address)
    {
        // Without the option .NET would set it for TCP; the exclusive kind is what most other programs open.
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ExclusiveAddressUse = !reuseAddress };
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        socket.Listen();
        return socket;
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;
}
