using System.Collections.Immutable;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class NetworkValidatorTests
{
    [Theory]
    [InlineData(NetworkMode.Nat, "52:54:00:12:34:5F", null)]
    [InlineData(NetworkMode.Nat, null, null)]
    [InlineData(NetworkMode.None, null, null)]
    [InlineData(NetworkMode.Vpnkit, null, "/run/vpnkit.sock")]
    public void Sound_interfaces_are_kept_with_the_mac_in_one_form(NetworkMode mode, string? mac, string? socket)
    {
        var (network, faults) = Check(new(mode, mac, socket));

        Assert.Empty(faults);
        Assert.Equal(new Network(mode, mac?.ToLowerInvariant(), socket), network);
    }

    [Theory]
    [InlineData((NetworkMode)9, null, null, "spec.networks[0].mode", "is not a mode")]
    [InlineData(NetworkMode.Nat, null, "/s", "spec.networks[0].vpnkit_socket", "the mode is not VPNKIT")]
    [InlineData(NetworkMode.Vpnkit, null, "", "spec.networks[0].vpnkit_socket", "mode VPNKIT needs it")]
    [InlineData(NetworkMode.None, "52:54:00:12:34:56", null, "spec.networks[0].mac_address", "mode NONE makes no interface")]
    [InlineData(NetworkMode.Nat, "01:00:5e:00:00:01", null, "spec.networks[0].mac_address", "is a multicast address")]
    [InlineData(NetworkMode.Nat, "00:00:00:00:00:00", null, "spec.networks[0].mac_address", "is no address")]
    [InlineData(NetworkMode.Nat, "52:54:00:12:34", null, "spec.networks[0].mac_address", "is no MAC address")]
    [InlineData(NetworkMode.Nat, "52:54:00:12:34:5", null, "spec.networks[0].mac_address", "is no MAC address")]
    [InlineData(NetworkMode.Nat, "52:54:00:12:34:xy", null, "spec.networks[0].mac_address", "is no MAC address")]
    [InlineData(NetworkMode.Nat, "52-54-00-12-34-56", null, "spec.networks[0].mac_address", "is no MAC address")]
    [InlineData(NetworkMode.Nat, "52:54:00:12:34:56,netdev=x", null, "spec.networks[0].mac_address", "is no MAC address")]
    public void What_is_wrong_is_told_with_its_field(NetworkMode mode, string? mac, string? socket, string field, string problem)
    {
        var fault = Assert.Single(Check(new(mode, mac, socket)).Faults);

        Assert.Equal(field, fault.Field);
        Assert.Contains(problem, fault.Message, StringComparison.Ordinal);
    }

    private static (Network Network, ImmutableArray<SpecFault> Faults) Check(Network asked)
    {
        var faults = ImmutableArray.CreateBuilder<SpecFault>();
        return (NetworkValidator.Check(asked, faults), faults.DrainToImmutable());
    }
}
