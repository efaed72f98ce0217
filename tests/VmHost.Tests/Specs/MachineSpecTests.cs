using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class MachineSpecTests
{
    private static readonly PublishedPort Redis = new("127.0.0.1", 16379, 6379, PortProtocol.Tcp);
    private static readonly PublishedPort Dns = new("127.0.0.1", 5353, 53, PortProtocol.Udp);

    [Fact]
    public void Specs_with_the_same_values_are_equal()
    {
        Assert.Equal(Spec() with { PublishedPorts = [Redis, Dns] }, Spec() with { PublishedPorts = [Redis, Dns] });
        Assert.Equal(
            (Spec() with { PublishedPorts = [Redis] }).GetHashCode(),
            (Spec() with { PublishedPorts = [Redis] }).GetHashCode());
    }

    [Fact]
    public void The_order_of_the_ports_counts() =>
        Assert.NotEqual(Spec() with { PublishedPorts = [Redis, Dns] }, Spec() with { PublishedPorts = [Dns, Redis] });

    [Fact]
    public void No_ports_and_a_default_array_are_the_same()
    {
        Assert.Equal(Spec() with { PublishedPorts = [] }, Spec() with { PublishedPorts = default });
        Assert.Equal(Spec().GetHashCode(), (Spec() with { PublishedPorts = default }).GetHashCode());
    }

    [Fact]
    public void Every_other_value_counts()
    {
        MachineSpec[] others =
        [
            Spec() with { Boot = Spec().Boot with { CommandLine = "quiet" } },
            Spec() with { CpuCount = 2 },
            Spec() with { Memory = ByteSize.FromMiB(257) },
            Spec() with { Hypervisor = HypervisorKind.Auto },
            Spec() with { Uuid = Guid.Empty },
        ];

        Assert.All(others, static other => Assert.NotEqual(Spec(), other));
    }

    private static MachineSpec Spec() => new()
    {
        Boot = new(null, "/images/kernel", null, ""),
        CpuCount = 1,
        Memory = ByteSize.FromMiB(256),
        PublishedPorts = [],
        Hypervisor = HypervisorKind.Qemu,
        Uuid = new("01234567-89ab-cdef-0123-456789abcdef"),
    };
}
