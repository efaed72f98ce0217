using System.Collections.Immutable;
using CsCheck;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class MachineSpecValidatorTests
{
    private const long MiB = 1024 * 1024;

    private static readonly BootFiles Found = new("/images/redis", "/images/redis-kernel", "/images/redis-initrd.img", "console=ttyS0");

    [Fact]
    public void What_was_left_out_is_filled_in()
    {
        var sound = Sound(Request());

        Assert.Equal("redis", sound.Name);
        Assert.True(sound.NameIsAutomatic);
        Assert.Equal(Found, sound.Spec.Boot);
        Assert.Equal(1, sound.Spec.CpuCount);
        Assert.Equal(ByteSize.FromMiB(1024), sound.Spec.Memory);
        Assert.Empty(sound.Spec.PublishedPorts);
        Assert.Equal(HypervisorKind.Auto, sound.Spec.Hypervisor);
        Assert.NotEqual(Guid.Empty, sound.Spec.Uuid);
        Assert.NotEqual(sound.Spec.Uuid, Sound(Request()).Spec.Uuid);
    }

    [Fact]
    public void What_was_given_is_kept()
    {
        var port = new PublishedPort("0.0.0.0", 5353, 53, PortProtocol.Udp);
        var sound = Sound(new(
            "web-1", Request().Boot, 64, 512 * 1024 * MiB, [port], HypervisorKind.Qemu, "01234567-89AB-cdef-0123-456789abcdef"));

        Assert.Equal("web-1", sound.Name);
        Assert.False(sound.NameIsAutomatic);
        Assert.Equal(64, sound.Spec.CpuCount);
        Assert.Equal(512 * 1024, sound.Spec.Memory.MiB);
        Assert.Equal([port], sound.Spec.PublishedPorts);
        Assert.Equal(HypervisorKind.Qemu, sound.Spec.Hypervisor);
        Assert.Equal(new Guid("01234567-89ab-cdef-0123-456789abcdef"), sound.Spec.Uuid);
    }

    [Theory]
    [InlineData("/images/Linux Redis", "/images/any-kernel", "linux-redis")]
    [InlineData(null, "/boot/vmlinuz-6.1", "vmlinuz-6-1")]
    [InlineData(null, "/images/web-kernel", "web")]
    [InlineData(null, "/images/web-bzImage", "web")]
    [InlineData("/images/", "/images/-kernel", "machine")]
    public void A_name_that_was_left_out_is_made_of_the_image(string? triplePrefix, string kernelPath, string name)
    {
        var validation = MachineSpecValidator.Validate(
            Request(),
            (_, _) => new(new(triplePrefix, kernelPath, null, ""), []));

        Assert.Equal(name, validation.Name);
    }

    [Fact]
    public void The_boot_is_resolved_with_the_memory_that_will_be_used()
    {
        Assert.Equal(ByteSize.FromMiB(1024), MemoryAskedAboutBy(Request()));
        Assert.Equal(ByteSize.FromMiB(8), MemoryAskedAboutBy(Request() with { MemoryBytes = 8 * MiB }));
    }

    [Fact]
    public void A_memory_at_fault_is_not_held_against_the_boot() =>
        Assert.Null(MemoryAskedAboutBy(Request() with { MemoryBytes = -1 }));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(65)]
    [InlineData(10_000)]
    [InlineData(1_000_000)]
    [InlineData(int.MinValue)]
    public void Cpus_are_1_to_64(int count) =>
        Assert.Equal($"must be 1 to 64, not {count}", FaultOf(Request() with { CpuCount = count }, "spec.cpu_count"));

    [Theory]
    [InlineData(0, "at least 1 MiB, not 0 bytes")]
    [InlineData(1, "at least 1 MiB, not 1 bytes")]
    [InlineData(-1, "at least 1 MiB, not -1 bytes")]
    [InlineData(long.MinValue, "at least 1 MiB, not -9223372036854775808 bytes")]
    [InlineData(MiB - 1, "at least 1 MiB, not 1048575 bytes")]
    [InlineData(MiB + 1, "multiple of 1 MiB (1048576 bytes), not 1048577 bytes; 1048576 would be")]
    [InlineData((512 * 1024 * MiB) + 1, "at most 512 GiB (524288 MiB), not 549755813889 bytes")]
    [InlineData(1024 * 1024 * MiB, "at most 512 GiB (524288 MiB), not 1048576 MiB")]
    [InlineData(long.MaxValue, "at most 512 GiB (524288 MiB), not 9223372036854775807 bytes")]
    public void Memory_is_whole_MiB_from_1_MiB_to_512_GiB(long bytes, string says) =>
        Assert.Contains(says, FaultOf(Request() with { MemoryBytes = bytes }, "spec.memory_bytes"), StringComparison.Ordinal);

    [Fact]
    public void The_least_memory_is_left_for_the_kernel_to_judge() =>
        Assert.Equal(1, Sound(Request() with { MemoryBytes = MiB }).Spec.Memory.MiB);

    [Fact]
    public void A_name_by_no_rule_is_a_fault_of_the_name() =>
        Assert.Contains("'..'", FaultOf(Request() with { Name = ".." }, "name"), StringComparison.Ordinal);

    [Fact]
    public void An_empty_name_is_not_a_name_left_out() =>
        Assert.Contains("is empty", FaultOf(Request() with { Name = "" }, "name"), StringComparison.Ordinal);

    [Fact]
    public void A_hypervisor_of_the_future_is_refused() =>
        Assert.Contains("999", FaultOf(Request() with { Hypervisor = (HypervisorKind)999 }, "spec.hypervisor"), StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("0123456789abcdef0123456789abcdef")]
    [InlineData("{01234567-89ab-cdef-0123-456789abcdef}")]
    [InlineData(" 01234567-89ab-cdef-0123-456789abcdef")]
    [InlineData("01234567-89ab-cdef-0123-456789abcdef\n")]
    [InlineData("01234567-89ab-cdef-0123-456789abcdeg")]
    [InlineData("+1234567-89ab-cdef-0123-456789abcdef")]
    [InlineData("0x123456-89ab-cdef-0123-456789abcdef")]
    public void A_uuid_has_one_form(string uuid) =>
        Assert.Contains("8-4-4-4-12", FaultOf(Request() with { Uuid = uuid }, "spec.uuid"), StringComparison.Ordinal);

    [Fact]
    public void Every_fault_is_told_at_once_in_field_order()
    {
        var request = new MachineRequest(
            "a/b",
            Request().Boot,
            0,
            -1,
            [new("1.2.3", 0, 65536, (PortProtocol)7), new("", 80, 0, PortProtocol.Tcp)],
            (HypervisorKind)999,
            "x");

        var validation = MachineSpecValidator.Validate(
            request,
            (_, _) => new(null, [new("spec.boot.kernel_path", "is not there"), new("spec.boot.command_line", "is too long")]));

        Assert.False(validation.IsSound);
        Assert.Null(validation.Spec);
        Assert.Null(validation.Name);
        Assert.Equal(
            [
                "name",
                "spec.boot.kernel_path",
                "spec.boot.command_line",
                "spec.cpu_count",
                "spec.memory_bytes",
                "spec.published_ports[0].host_address",
                "spec.published_ports[0].host_port",
                "spec.published_ports[0].guest_port",
                "spec.published_ports[0].protocol",
                "spec.published_ports[1].guest_port",
                "spec.hypervisor",
                "spec.uuid",
            ],
            validation.Faults.Select(static fault => fault.Field));
    }

    [Fact]
    public void A_fault_of_the_memory_that_the_boot_found_stands_behind_that_of_the_cpus()
    {
        var validation = MachineSpecValidator.Validate(
            Request() with { CpuCount = 0 },
            (_, _) => new(null, [new("spec.memory_bytes", "is too little")]));

        Assert.Equal(["spec.cpu_count", "spec.memory_bytes"], validation.Faults.Select(static fault => fault.Field));
    }

    [Fact]
    public void Faults_end_in_one_exception_that_holds_them_all()
    {
        var validation = Validate(Request() with { Name = "..", CpuCount = 0 });

        var e = Assert.Throws<VmHostException>(validation.ThrowIfFaulty);

        Assert.Equal(VmHostError.InvalidArgument, e.Error);
        Assert.Equal(validation.Faults, e.Faults);
        Assert.Equal(string.Join("; ", validation.Faults), e.Message);
        Assert.StartsWith("name: '..' is not a machine name", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sound_request_throws_nothing() => Validate(Request()).ThrowIfFaulty();

    [Fact]
    public void No_input_makes_it_throw_or_puts_a_control_character_into_a_message() =>
        Requests.Sample(
            static request =>
            {
                var validation = Validate(request);

                Assert.Equal(validation.IsSound, validation.Faults.IsEmpty);
                Assert.All(validation.Faults, static fault =>
                {
                    Assert.DoesNotContain(fault.Message, static letter => letter is < ' ' or > '~');
                    Assert.InRange(fault.Message.Length, 10, 1500);
                });
            },
            iter: 2000);

    private static Gen<MachineRequest> Requests { get; } =
        from name in Gen.Null(Gen.String)
        from cpuCount in Gen.Nullable(Gen.Int)
        from memory in Gen.Nullable(Gen.Long)
        from ports in Port.Array[0, 70]
        from hypervisor in Gen.Int[-1, 3]
        from uuid in Gen.Null(Gen.String)
        select new MachineRequest(name, Request().Boot, cpuCount, memory, [.. ports], (HypervisorKind)hypervisor, uuid);

    private static Gen<PublishedPort> Port =>
        from address in Gen.OneOf(Gen.String, Gen.Const("127.0.0.1"), Gen.Const("0.0.0.0"), Gen.Const(""))
        from hostPort in Gen.OneOf(Gen.Int, Gen.Int[1, 20])
        from guestPort in Gen.OneOf(Gen.Int, Gen.Int[1, 20])
        from protocol in Gen.Int[-1, 3]
        select new PublishedPort(address, hostPort, guestPort, (PortProtocol)protocol);

    private static MachineRequest Request() =>
        new(null, new("/images/redis", null, null, null), null, null, ImmutableArray<PublishedPort>.Empty, HypervisorKind.Auto, null);

    private static MachineValidation Validate(MachineRequest request) =>
        MachineSpecValidator.Validate(request, static (_, _) => new(Found, []));

    private static (string Name, bool NameIsAutomatic, MachineSpec Spec) Sound(MachineRequest request)
    {
        var validation = Validate(request);
        Assert.Empty(validation.Faults);
        validation.ThrowIfFaulty();
        return (validation.Name, validation.NameIsAutomatic, validation.Spec);
    }

    private static string FaultOf(MachineRequest request, string field)
    {
        var fault = Assert.Single(Validate(request).Faults);
        Assert.Equal(field, fault.Field);
        return fault.Message;
    }

    private static ByteSize? MemoryAskedAboutBy(MachineRequest request)
    {
        ByteSize? asked = new ByteSize(-7);
        _ = MachineSpecValidator.Validate(request, (_, memory) =>
        {
            asked = memory;
            return new(Found, []);
        });
        return asked;
    }
}
