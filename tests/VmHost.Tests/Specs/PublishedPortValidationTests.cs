using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

/// <summary>What <see cref="MachineSpecValidator"/> says about ports.</summary>
public sealed class PublishedPortValidationTests
{
    [Fact]
    public void An_empty_address_means_this_host_only()
    {
        var spec = MachineSpecValidator.Validate(Request([Tcp("", 16379)]), Resolve).Spec;

        Assert.Equal([Tcp("127.0.0.1", 16379)], spec?.PublishedPorts);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(65535)]
    public void The_first_and_the_last_port_are_ports(int port) => Assert.Empty(Faults(new PublishedPort("", port, port, PortProtocol.Tcp)));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(65536)]
    [InlineData(int.MaxValue)]
    public void A_number_outside_1_to_65535_is_none(int port)
    {
        var faults = Faults(new PublishedPort("", port, port, PortProtocol.Tcp));

        Assert.Equal(
            [
                $"spec.published_ports[0].host_port: must be 1 to 65535, not {port}",
                $"spec.published_ports[0].guest_port: must be 1 to 65535, not {port}",
            ],
            faults.Select(static fault => fault.ToString()));
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("127.1")]
    [InlineData("0x7f000001")]
    [InlineData("2130706433")]
    [InlineData("127.0.0.01")]
    [InlineData("127.0.0.1 ")]
    [InlineData("127.0.0.256")]
    [InlineData("127.0.0.1:80")]
    [InlineData("127.0.0.1,script=/tmp/x")]
    [InlineData("eth0;id")]
    [InlineData("*")]
    public void An_address_is_four_plain_numbers(string address)
    {
        var fault = Assert.Single(Faults(Tcp(address, 8080)));

        Assert.Equal("spec.published_ports[0].host_address", fault.Field);
        Assert.StartsWith($"'{address}' is no IPv4 address; give one such as 127.0.0.1", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_protocol_of_the_future_is_refused()
    {
        var fault = Assert.Single(Faults(new PublishedPort("", 80, 80, (PortProtocol)7)));

        Assert.Equal("spec.published_ports[0].protocol", fault.Field);
        Assert.Contains("7 is no protocol", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("", "127.0.0.1")]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("192.0.2.1", "0.0.0.0")]
    [InlineData("0.0.0.0", "0.0.0.0")]
    public void The_same_port_twice_names_both(string first, string second)
    {
        var fault = Assert.Single(Faults(Tcp("127.0.0.1", 1), Tcp(first, 8080), Tcp(second, 8080)));

        Assert.Equal("spec.published_ports[2].host_port", fault.Field);
        var shown = first.Length == 0 ? "127.0.0.1" : first;
        Assert.Equal(
            $"{second}:8080/tcp is already published by spec.published_ports[1] as {shown}:8080/tcp; choose another port",
            fault.Message);
    }

    [Fact]
    public void Each_further_one_is_a_fault_of_its_own() =>
        Assert.Equal(
            ["spec.published_ports[1].host_port", "spec.published_ports[2].host_port"],
            Faults(Tcp("", 80), Tcp("", 80), Tcp("", 80)).Select(static fault => fault.Field));

    [Fact]
    public void Another_address_or_protocol_does_not_overlap() =>
        Assert.Empty(Faults(Tcp("127.0.0.1", 53), Tcp("127.0.0.2", 53), new PublishedPort("0.0.0.0", 53, 53, PortProtocol.Udp)));

    [Fact]
    public void One_guest_port_may_be_published_twice() =>
        Assert.Empty(Faults(new PublishedPort("", 8080, 80, PortProtocol.Tcp), new PublishedPort("", 8081, 80, PortProtocol.Tcp)));

    [Fact]
    public void An_address_at_fault_is_never_shown_raw_by_an_overlap()
    {
        var faults = Faults(Tcp("\e[2J", 80), Tcp("\e[2J", 80));

        Assert.Equal(3, faults.Length);
        Assert.All(faults, static fault => Assert.DoesNotContain('\e', fault.Message));
    }

    [Fact]
    public void Sixty_four_ports_are_taken_and_one_more_is_one_fault()
    {
        Assert.Empty(Faults([.. Enumerable.Range(1, 64).Select(static port => Tcp("", port))]));

        var fault = Assert.Single(Faults([.. Enumerable.Repeat(Tcp("", 0), 65)]));
        Assert.Equal("spec.published_ports: holds 65 ports; publish at most 64", fault.ToString());
    }

    [Fact]
    public void No_array_at_all_counts_as_empty() => Assert.Empty(MachineSpecValidator.Validate(Request(default), Resolve).Faults);

    private static ImmutableArray<SpecFault> Faults(params PublishedPort[] ports) =>
        MachineSpecValidator.Validate(Request([.. ports]), Resolve).Faults;

    private static PublishedPort Tcp(string address, int hostPort) => new(address, hostPort, 80, PortProtocol.Tcp);

    private static MachineRequest Request(ImmutableArray<PublishedPort> ports) =>
        new("web", new(null, "/images/kernel", null, null), null, null, ports, HypervisorKind.Auto, null);

    private static BootResolution Resolve(BootRequest request, ByteSize? memory) =>
        new(new(null, "/images/kernel", null, ""), []);
}
