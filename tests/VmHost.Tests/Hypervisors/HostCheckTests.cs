using VmHost.Hypervisors;
using VmHost.Specs;

namespace VmHost.Tests.Hypervisors;

public sealed class HostCheckTests
{
    private static readonly HostPlatform Ordinary = new(IsMac: true, GuestArchitecture.X64, IsRoot: false);

    [Theory]
    [InlineData(HypervisorKind.Xhyve)]
    [InlineData(HypervisorKind.HyperKit)]
    public void Vmnet_needs_root_or_a_setuid_program(HypervisorKind kind)
    {
        var host = Specimens.Host with { Platform = Ordinary };
        var setuid = host with
        {
            Xhyve = host.Xhyve with { IsSetuidRoot = true },
            HyperKit = host.HyperKit with { IsSetuidRoot = true },
        };

        Assert.Equal("spec.networks[0].mode", Assert.Single(Check(kind, Specimens.Minimal, host)).Field);
        Assert.Empty(Check(kind, Specimens.Minimal, setuid));
        Assert.Empty(Check(kind, Specimens.Minimal, Specimens.Host));
        Assert.Empty(Check(kind, Specimens.Minimal with { Network = new(NetworkMode.None) }, host));
    }

    [Fact]
    public void Vpnkit_and_vfkit_need_no_root()
    {
        var host = Specimens.Host with { Platform = Ordinary };
        Assert.Empty(Check(HypervisorKind.HyperKit, Specimens.Minimal with { Network = new(NetworkMode.Vpnkit, null, "/s") }, host));
        Assert.Empty(Check(HypervisorKind.Vfkit, Specimens.Minimal, host));
    }

    [Fact]
    public void The_old_xhyve_is_refused_where_it_would_spoil_the_initrd()
    {
        var host = Specimens.Host with { Xhyve = Specimens.Host.Xhyve with { Version = "0.2.0" } };

        Assert.Contains("0.2.0", Assert.Single(Check(HypervisorKind.Xhyve, Specimens.Minimal, host)).Message, StringComparison.Ordinal);
        Assert.Empty(Check(HypervisorKind.Xhyve, Specimens.Minimal with { Boot = Specimens.Minimal.Boot with { InitrdPath = null } }, host));
    }

    [Fact]
    public void A_kernel_for_another_processor_is_refused_by_vfkit()
    {
        var host = Specimens.Host with { Platform = new(true, GuestArchitecture.Arm64, false) };

        Assert.Equal("spec.boot.kernel_path", Assert.Single(Check(HypervisorKind.Vfkit, Specimens.Minimal, host)).Field);
        Assert.Empty(Check(HypervisorKind.Vfkit, Specimens.Minimal with { Boot = Specimens.Minimal.Boot with { Architecture = GuestArchitecture.Arm64 } }, host));
    }

    [Fact]
    public void One_that_is_not_there_says_so()
    {
        var (_, _, host) = Specimens.Cases["not-installed"];
        Assert.All(Specimens.Kinds, kind => Assert.Contains(Check(kind, Specimens.Minimal, host), fault => fault is { Field: "spec.hypervisor", Message: "was not found" }));
    }

    private static System.Collections.Immutable.ImmutableArray<SpecFault> Check(HypervisorKind kind, MachineSpec spec, HostFacts host) =>
        HypervisorCatalog.Get(kind).CheckHost(spec, host);
}
