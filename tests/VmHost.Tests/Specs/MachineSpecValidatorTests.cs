using System.Collections.Immutable;
using CsCheck;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class MachineSpecValidatorTests
{
    private static readonly Func<MachineRequest, System.Collections.Immutable.ImmutableArray<SpecFault>> NoDevices = _ => [];

    private static readonly BootFiles Files = new("/images/Linux_Redis", "/images/k", "/images/i", "quiet");

    private static readonly MachineRequest Minimal = new(
        null, new("/images/Linux_Redis", null, null, null), null, null, default, HypervisorKind.Auto, null);

    [Fact]
    public void What_was_left_out_is_filled_in()
    {
        var found = Validate(Minimal);

        Assert.True(found.IsSound);
        Assert.Equal("linux-redis", found.Name);
        Assert.True(found.NameIsAutomatic);
        Assert.Equal((Files, 1, ByteSize.FromMiB(1024)), (found.Spec.Boot, found.Spec.CpuCount, found.Spec.Memory));
        Assert.Empty(found.Spec.PublishedPorts);
        Assert.NotEqual(Guid.Empty, found.Spec.Uuid);
        Assert.NotEqual(found.Spec.Uuid, Validate(Minimal).Spec?.Uuid);
    }

    [Fact]
    public void What_was_given_is_kept()
    {
        var found = Validate(Minimal with
        {
            Name = "web",
            CpuCount = 64,
            MemoryBytes = 512L << 30,
            PublishedPorts = [new("", 8080, 80, PortProtocol.Udp)],
            Hypervisor = HypervisorKind.Qemu,
            Uuid = "1B4E28BA-2FA1-11D2-883F-0016D3CCA427",
        });

        Assert.True(found.IsSound);
        Assert.Equal(("web", false), (found.Name, found.NameIsAutomatic));
        Assert.Equal(64, found.Spec.CpuCount);
        Assert.Equal(new PublishedPort("127.0.0.1", 8080, 80, PortProtocol.Udp), Assert.Single(found.Spec.PublishedPorts));
        Assert.Equal(HypervisorKind.Qemu, found.Spec.Hypervisor);
        Assert.Equal(Guid.Parse("1b4e28ba-2fa1-11d2-883f-0016d3cca427"), found.Spec.Uuid);
    }

    [Theory]
    [InlineData("/boot/vmlinuz-6.1", "vmlinuz-6-1")]
    [InlineData("/images/demo-kernel", "demo")]
    [InlineData("/images/demo-bzImage", "demo")]
    [InlineData("/-kernel", "machine")]
    public void Without_a_prefix_the_kernel_gives_the_name(string kernel, string expected)
    {
        var found = MachineSpecValidator.Validate(Minimal, (_, _) => new(new(null, kernel, null, ""), []), NoDevices);

        Assert.Equal(expected, found.Name);
    }

    [Fact]
    public void Every_fault_is_reported_at_once_in_field_order()
    {
        var request = new MachineRequest(
            "-rf",
            new(null, null, null, null),
            0,
            -1,
            [new("localhost", 0, 65536, (PortProtocol)9)],
            (HypervisorKind)999,
            "nonsense");

        var found = MachineSpecValidator.Validate(request, (_, _) => new(null, [new("spec.boot.kernel_path", "is missing")]), NoDevices);

        Assert.False(found.IsSound);
        Assert.Equal(
            [
                "name",
                "spec.boot.kernel_path",
                "spec.cpu_count",
                "spec.memory_bytes",
                "spec.published_ports[0].host_address",
                "spec.published_ports[0].host_port",
                "spec.published_ports[0].guest_port",
                "spec.published_ports[0].protocol",
                "spec.hypervisor",
                "spec.uuid",
            ],
            found.Faults.Select(fault => fault.Field));
        Assert.All(found.Faults, fault => Assert.DoesNotContain(fault.Message, char.IsControl));
    }

    [Fact]
    public void The_boundary_throws_all_faults_as_one()
    {
        var found = Validate(Minimal with { CpuCount = 0, Uuid = "" });

        var e = Assert.Throws<VmHostException>(found.ThrowIfFaulty);
        Assert.Equal(VmHostError.InvalidArgument, e.Error);
        Assert.Equal(2, e.Faults.Length);
        Assert.StartsWith("spec.cpu_count: must be 1 to 64, not 0; spec.uuid: ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(65)]
    [InlineData(10_000)]
    [InlineData(int.MaxValue)]
    public void A_cpu_count_beyond_1_to_64_is_refused(int count) =>
        Assert.Equal(new SpecFault("spec.cpu_count", $"must be 1 to 64, not {count}"), OnlyFault(Minimal with { CpuCount = count }));

    [Theory]
    [InlineData(0, "at least 1 MiB")]
    [InlineData(-1, "at least 1 MiB")]
    [InlineData(long.MinValue, "at least 1 MiB")]
    [InlineData(1, "at least 1 MiB")]
    [InlineData(256_000_000, "multiple of 1 MiB")]
    [InlineData((512L << 30) + (1 << 20), "at most 512 GiB")]
    [InlineData(1L << 40, "at most 512 GiB")]
    [InlineData(long.MaxValue, "at most 512 GiB")]
    public void Memory_that_no_machine_can_have_is_refused(long bytes, string named)
    {
        var fault = OnlyFault(Minimal with { MemoryBytes = bytes });

        Assert.Equal("spec.memory_bytes", fault.Field);
        Assert.Contains(named, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_files_are_not_measured_against_memory_that_is_at_fault()
    {
        ByteSize? seen = ByteSize.FromMiB(1);
        MachineSpecValidator.Validate(Minimal with { MemoryBytes = -1 }, (_, memory) =>
        {
            seen = memory;
            return new(Files, []);
        }, NoDevices);

        Assert.Null(seen);
    }

    [Fact]
    public void A_memory_fault_of_the_files_stands_at_the_memorys_place()
    {
        var found = MachineSpecValidator.Validate(
            Minimal with { CpuCount = 0, Uuid = "x" },
            (_, _) => new(null, [new("spec.memory_bytes", "too little")]),
            NoDevices);

        Assert.Equal(["spec.cpu_count", "spec.memory_bytes", "spec.uuid"], found.Faults.Select(fault => fault.Field));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(65536)]
    [InlineData(int.MinValue)]
    public void A_port_beyond_1_to_65535_is_refused(int port)
    {
        Assert.Equal("spec.published_ports[0].host_port", OnlyFault(WithPorts(Port(port))).Field);
        Assert.Equal("spec.published_ports[0].guest_port", OnlyFault(WithPorts(Port(80) with { GuestPort = port })).Field);
    }

    [Theory]
    [InlineData("::1")]
    [InlineData("::")]
    [InlineData("localhost")]
    [InlineData("127.1")]
    [InlineData("0x7f000001")]
    [InlineData("2130706433")]
    [InlineData("127.0.0.01")]
    [InlineData(" 127.0.0.1")]
    [InlineData("127.0.0.1:80")]
    [InlineData("127.0.0.1,guestfwd=x")]
    [InlineData("*")]
    [InlineData("\u001b[2J")]
    public void A_host_address_that_is_no_ipv4_literal_is_refused(string address)
    {
        var fault = OnlyFault(WithPorts(Port(80) with { HostAddress = address }));

        Assert.Equal("spec.published_ports[0].host_address", fault.Field);
        Assert.DoesNotContain(fault.Message, char.IsControl);
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("127.0.0.1", "")]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("10.0.0.1", "0.0.0.0")]
    public void A_port_published_twice_is_refused_and_the_first_is_named(string first, string second)
    {
        var fault = OnlyFault(WithPorts(Port(1), Port(80) with { HostAddress = first }, Port(80) with { HostAddress = second }));

        Assert.Equal("spec.published_ports[2].host_port", fault.Field);
        Assert.Contains("already published by spec.published_ports[1]", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_port_on_another_address_or_protocol_is_another_port() =>
        Assert.Empty(Validate(WithPorts(
            Port(80),
            Port(80) with { HostAddress = "127.0.0.2" },
            Port(80) with { HostAddress = "0.0.0.0", Protocol = PortProtocol.Udp })).Faults);

    [Fact]
    public void Sixty_four_ports_are_the_most()
    {
        Assert.Empty(Validate(WithPorts([.. Enumerable.Range(1, 64).Select(Port)])).Faults);

        var fault = OnlyFault(WithPorts([.. Enumerable.Range(0, 10_000).Select(Port)]));
        Assert.Equal(new SpecFault("spec.published_ports", "holds 10000 ports; publish at most 64"), fault);
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("1b4e28ba2fa111d2883f0016d3cca427")]
    [InlineData("{1b4e28ba-2fa1-11d2-883f-0016d3cca427}")]
    [InlineData(" 1b4e28ba-2fa1-11d2-883f-0016d3cca427")]
    [InlineData("1b4e28ba-2fa1-11d2-883f-0016d3cca427\n")]
    [InlineData("+b4e28ba-2fa1-11d2-883f-0016d3cca427")]
    public void A_uuid_in_another_form_is_refused(string uuid)
    {
        var fault = OnlyFault(Minimal with { Uuid = uuid });

        Assert.Equal("spec.uuid", fault.Field);
        Assert.DoesNotContain(fault.Message, char.IsControl);
    }

    [Fact]
    public void An_address_at_fault_is_not_shown_raw_by_an_overlap()
    {
        var hostile = Port(80) with { HostAddress = "\u001b[2J" };

        var faults = Validate(WithPorts(hostile, hostile)).Faults;

        Assert.Equal(3, faults.Length);
        Assert.All(faults, fault => Assert.DoesNotContain(fault.Message, char.IsControl));
    }

    [Fact]
    public void No_request_throws_or_brings_a_control_character_into_a_message() =>
        Requests.Sample(
            request =>
            {
                var found = Validate(request);

                Assert.Equal(found.IsSound, found.Faults.IsEmpty);
                Assert.All(found.Faults, fault => Assert.All(fault.Message, letter => Assert.InRange(letter, ' ', '~')));
            },
            iter: 500);

    private static Gen<MachineRequest> Requests { get; } =
        from name in Gen.Null(Gen.String)
        from cpuCount in Gen.Nullable(Gen.Int)
        from memory in Gen.Nullable(Gen.Long)
        from ports in Ports.Array[0, 8]
        from hypervisor in Gen.Int[-1, 3]
        from uuid in Gen.Null(Gen.String)
        select new MachineRequest(name, Minimal.Boot, cpuCount, memory, [.. ports], (HypervisorKind)hypervisor, uuid);

    private static Gen<PublishedPort> Ports =>
        from address in Gen.OneOf(Gen.String, Gen.Const("127.0.0.1"), Gen.Const("0.0.0.0"), Gen.Const(""))
        from hostPort in Gen.OneOf(Gen.Int, Gen.Int[1, 4])
        from guestPort in Gen.OneOf(Gen.Int, Gen.Int[1, 4])
        from protocol in Gen.Int[-1, 3]
        select new PublishedPort(address, hostPort, guestPort, (PortProtocol)protocol);

    private static MachineValidation Validate(MachineRequest request) =>
        MachineSpecValidator.Validate(request, (_, _) => new(Files, []), NoDevices);

    private static SpecFault OnlyFault(MachineRequest request) => Assert.Single(Validate(request).Faults);

    private static PublishedPort Port(int number) => new("127.0.0.1", number, 80, PortProtocol.Tcp);

    private static MachineRequest WithPorts(params ImmutableArray<PublishedPort> ports) => Minimal with { PublishedPorts = ports };
}
