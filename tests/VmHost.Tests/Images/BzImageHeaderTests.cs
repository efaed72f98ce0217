using CsCheck;
using VmHost.Images;

namespace VmHost.Tests.Images;

public sealed class BzImageHeaderTests
{
    [Fact]
    public void A_kernel_tells_what_decides_about_its_boot()
    {
        var header = new BzImageBuilder().Parse();

        Assert.Equal(new Version(2, 15), header.ProtocolVersion);
        Assert.Equal(2046, header.MaxCommandLineBytes);
        Assert.True(header.Relocatable);
        Assert.Equal(0x200000, header.Alignment);
        Assert.Equal(0x1000000, header.PrefAddress);
        Assert.Equal(0x3378000, header.InitSize);
        Assert.Equal(0x7fffffff, header.InitrdAddrMax);
        Assert.Equal(BzImageBuilder.Version, header.KernelVersion);
        Assert.Equal(0x200000, header.LoadAddress);
        Assert.Equal(0x1000000 + 0x3378000, header.RunEnd);
    }

    [Fact]
    public void A_kernel_that_cannot_be_moved_is_loaded_where_it_wants_to_run()
    {
        var header = new BzImageBuilder { Relocatable = false, Alignment = 0 }.Parse();

        Assert.Equal(0x1000000, header.LoadAddress);
    }

    [Fact]
    public void A_kernel_that_prefers_less_than_its_load_address_runs_where_it_was_loaded()
    {
        var header = new BzImageBuilder { PrefAddress = 0x100000, Alignment = 0x1000000, InitSize = 0x10001 }.Parse();

        Assert.Equal(0x1000000, header.LoadAddress);
        Assert.Equal(0x1000000 + 0x11000, header.RunEnd);
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(1u, 0)]
    [InlineData(256u, 255)]
    [InlineData(2047u, 2046)]
    [InlineData(uint.MaxValue, int.MaxValue)]
    public void The_longest_command_line_leaves_a_byte_for_the_nul(uint commandLineSize, int most) =>
        Assert.Equal(most, new BzImageBuilder { CommandLineSize = commandLineSize }.Parse().MaxCommandLineBytes);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("6.1\e[2J")]
    [InlineData("6.1\n")]
    [InlineData("6.1 \u00e9")]
    public void A_version_that_is_no_printable_ascii_is_none(string? version) =>
        Assert.Null(new BzImageBuilder { KernelVersion = version }.Parse().KernelVersion);

    [Theory]
    [InlineData(255, true)]
    [InlineData(256, false)]
    public void A_version_ends_within_256_bytes(int length, bool isRead)
    {
        var version = new string('6', length);

        Assert.Equal(isRead ? version : null, new BzImageBuilder { KernelVersion = version }.Parse().KernelVersion);
    }

    [Fact]
    public void A_version_that_points_out_of_the_setup_code_is_none()
    {
        var image = new BzImageBuilder().Build();
        image[0x20e] = image[0x20f] = 0xff;

        Assert.True(BzImageHeader.TryParse(image, image.Length, out var header, out _));
        Assert.Null(header.KernelVersion);
    }

    [Theory]
    [InlineData(0x0205, "2.05")]
    [InlineData(0x0209, "2.09")]
    [InlineData(0x0000, "0.00")]
    public void An_old_protocol_is_named_with_the_oldest_that_will_do(ushort protocol, string shown) =>
        AssertProblem(new() { Protocol = protocol }, $"uses boot protocol {shown}, and 2.10 (Linux 2.6.31) is the oldest");

    [Fact]
    public void A_32_bit_kernel_is_refused_since_kernels_tell_so() =>
        AssertProblem(new() { XLoadFlags = 0, Protocol = 0x020c }, "is a 32-bit kernel, and the machine is an x86-64 one");

    [Theory]
    [InlineData(0x020a)]
    [InlineData(0x020b)]
    public void Of_older_kernels_the_word_size_is_not_known(ushort protocol) =>
        Assert.Equal(protocol & 0xff, new BzImageBuilder { XLoadFlags = 0, Protocol = protocol }.Parse().ProtocolVersion.Minor);

    [Fact]
    public void A_zimage_is_refused() => AssertProblem(new() { LoadFlags = 0x80 }, "is a zImage");

    [Fact]
    public void A_header_without_setup_code_is_damaged() => AssertProblem(new() { SetupSectors = 0 }, "setup_sects is 0");

    [Theory]
    [InlineData(0u)]
    [InlineData(0x180000u)]
    [InlineData(uint.MaxValue)]
    public void An_alignment_that_is_no_power_of_two_is_damage(uint alignment) =>
        AssertProblem(new() { Alignment = alignment }, $"kernel_alignment is {alignment}, which is no power of two");

    [Theory]
    [InlineData(0ul)]
    [InlineData(0xffffful)]
    public void A_kernel_that_wants_the_first_mebibyte_is_damaged(ulong address) =>
        AssertProblem(new() { Relocatable = false, PrefAddress = address }, $"loaded at 0x{address:x}, below 1 MiB");

    [Fact]
    public void A_kernel_larger_than_the_memory_it_claims_is_damaged()
    {
        Assert.Equal(4095, new BzImageBuilder { InitSize = 4095, PayloadLength = 4096 }.Parse().InitSize);
        AssertProblem(new() { InitSize = 4096, PayloadLength = 4112 }, "4112 bytes of kernel, but init_size is 4096");
    }

    [Fact]
    public void The_largest_address_overflows_nothing()
    {
        var header = new BzImageBuilder { PrefAddress = ulong.MaxValue, InitSize = uint.MaxValue }.Parse();

        Assert.True(header.RunEnd > long.MaxValue / 8);
    }

    [Theory]
    [InlineData(0x206)]
    [InlineData(0x211)]
    [InlineData(0x26b)]
    public void A_kernel_that_ends_within_its_header_is_truncated(int length) =>
        Assert.Contains($"is truncated: it ends after {length} bytes, within the kernel's header", ProblemOfFirst(length), StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(0x1ff)]
    [InlineData(0x205)]
    public void A_file_that_ends_before_the_magic_is_too_short(int length) =>
        Assert.Contains($"is too short for a Linux kernel ({length} bytes)", ProblemOfFirst(length), StringComparison.Ordinal);

    [Theory]
    [InlineData(0x26c)]
    [InlineData(2047)]
    [InlineData(2048)]
    [InlineData(6143)]
    public void A_kernel_that_ends_before_its_payload_does_is_truncated(int length) =>
        Assert.Contains($"is truncated: its header tells of 6144 bytes, and it has {length}", ProblemOfFirst(length), StringComparison.Ordinal);

    [Fact]
    public void A_signature_behind_the_payload_is_no_fault()
    {
        var image = new BzImageBuilder().Build();

        Assert.True(BzImageHeader.TryParse(image, image.Length + 1500, out _, out var problem), problem);
    }

    [Fact]
    public void The_payload_may_have_4_gib_and_more_by_its_header_without_overflow()
    {
        var image = new BzImageBuilder().Build();
        image.AsSpan(0x1f4, 4).Fill(0xff);

        Assert.False(BzImageHeader.TryParse(image, image.Length, out _, out var problem));
        Assert.Contains("tells of 68719478768 bytes", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void No_bytes_make_it_throw() =>
        Gen.Byte.Array[0, 0x300].Sample(static head => { _ = Problem(head, head.Length); }, iter: 5000);

    [Fact]
    public void No_damage_makes_it_throw_or_puts_a_control_character_into_the_problem() =>
        Gen.Select(Gen.Int[0x1f0, 0x26f], Gen.Byte, Gen.Int[0x1f0, 0x26f], Gen.Byte).Array[1, 8].Sample(
            static damages =>
            {
                var image = new BzImageBuilder().Build();
                foreach (var (first, firstValue, second, secondValue) in damages)
                {
                    image[first] = firstValue;
                    image[second] = secondValue;
                }

                if (Problem(image, image.Length) is { } problem)
                    Assert.DoesNotContain(problem, static letter => letter is < ' ' or > '~');
            },
            iter: 5000);

    [Fact]
    public void Every_truncation_is_told() =>
        Assert.All(Enumerable.Range(0, new BzImageBuilder().Build().Length), static length => Assert.NotEmpty(ProblemOfFirst(length)));

    [Fact]
    public void Only_the_head_of_a_file_is_read()
    {
        using var folder = new ImageFolder();
        var image = new BzImageBuilder { InitSize = 0x40000000 }.Build();
        using (var file = File.Create(folder.Path("kernel")))
        {
            file.Write(image);
            file.SetLength(0x40000000);
        }

        using var opened = File.OpenHandle(folder.Path("kernel"));

        Assert.True(BzImageHeader.TryRead(opened, 0x40000000, out var header, out var problem), problem);
        Assert.Equal(BzImageBuilder.Version, header.KernelVersion);
    }

    [Fact]
    public void A_file_that_shrank_since_its_size_was_asked_is_no_kernel()
    {
        using var folder = new ImageFolder();
        using var opened = File.OpenHandle(folder.Write("kernel", new BzImageBuilder().Build()[..0x211]));

        Assert.False(BzImageHeader.TryRead(opened, 6144, out _, out var problem));
        Assert.Contains("is truncated", problem, StringComparison.Ordinal);
    }

    private static void AssertProblem(BzImageBuilder builder, string says)
    {
        var image = builder.Build();
        Assert.Contains(says, Problem(image, image.Length), StringComparison.Ordinal);
    }

    private static string ProblemOfFirst(int length)
    {
        var problem = Problem(new BzImageBuilder().Build()[..length], length);
        Assert.NotNull(problem);
        return problem;
    }

    private static string? Problem(byte[] head, long fileSize)
    {
        var isKernel = BzImageHeader.TryParse(head, fileSize, out var header, out var problem);
        Assert.Equal(isKernel, problem is null);
        Assert.Equal(isKernel, header is not null);
        return problem;
    }
}
