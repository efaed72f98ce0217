using CsCheck;
using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class BootFitTests
{
    private const long MiB = 1024 * 1024;

    private static readonly BzImageHeader Debian = Header(new());

    [Fact]
    public void What_fits_has_no_fault() =>
        Assert.Empty(BootFit.Check(Debian, 10 * MiB, "console=ttyS0", ByteSize.FromMiB(256), BootFields.OneByOne));

    [Fact]
    public void Eight_MiB_are_too_little_and_the_fault_says_how_much_the_kernel_needs()
    {
        var fault = Assert.Single(BootFit.Check(Debian, 0, "", ByteSize.FromMiB(8), BootFields.OneByOne));

        Assert.Equal("spec.memory_bytes", fault.Field);
        Assert.Equal("8 MiB is too little for this kernel, which needs at least 68 MiB; give 68 MiB or more", fault.Message);
    }

    [Fact]
    public void Sixty_four_MiB_pass_a_loader_but_the_unpacked_kernel_does_not_fit()
    {
        Assert.NotEmpty(BootFit.Check(Debian, 0, "", ByteSize.FromMiB(64), BootFields.OneByOne));
        Assert.Empty(BootFit.Check(Debian, 0, "", ByteSize.FromMiB(68), BootFields.OneByOne));
    }

    [Fact]
    public void The_ramdisk_stands_above_the_kernel()
    {
        var fault = Assert.Single(BootFit.Check(Debian, 10 * MiB, "", ByteSize.FromMiB(70), BootFields.OneByOne));

        Assert.Equal("spec.memory_bytes", fault.Field);
        Assert.Contains("needs 68 MiB", fault.Message, StringComparison.Ordinal);
        Assert.Contains("at least 78 MiB", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_ramdisk_that_would_end_with_the_last_byte_does_not_fit()
    {
        // The loader takes the last byte as the limit and rounds down to a page, so a full page is lost.
        var initrd = (68 * MiB) - Debian.RunEnd;

        Assert.Equal(ByteSize.FromMiB(69), BootFit.LeastMemory(Debian, initrd));
        Assert.False(FitsByTheLoader(Debian, initrd, 68 * MiB));
        Assert.Equal(ByteSize.FromMiB(68), BootFit.LeastMemory(Debian, initrd - 1));
    }

    [Fact]
    public void A_ramdisk_that_fits_into_no_memory_is_the_ramdisks_fault()
    {
        var fault = Assert.Single(BootFit.Check(Debian, 2048 * MiB, "", ByteSize.FromMiB(8192), BootFields.OneByOne));

        Assert.Equal("spec.boot.initrd_path", fault.Field);
        Assert.Contains("at most 2076737535", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_ramdisk_of_an_exabyte_is_refused() =>
        Assert.Single(BootFit.Check(Debian, 1L << 60, "", ByteSize.FromMiB(8192), BootFields.OneByOne));

    [Fact]
    public void A_kernel_that_wants_to_run_beyond_3_GiB_is_the_kernels_fault()
    {
        var header = Header(new() { PrefAddress = ulong.MaxValue });

        Assert.Equal("spec.boot.kernel_path", Assert.Single(BootFit.Check(header, 0, "", ByteSize.FromMiB(8192), BootFields.OneByOne)).Field);
    }

    [Fact]
    public void A_kernel_may_end_at_3_GiB_and_no_byte_later()
    {
        var fits = Header(new() { PrefAddress = 0xb0000000, InitSize = 0x10000000 });
        var doesNot = Header(new() { PrefAddress = 0xb0000001, InitSize = 0x10000000 });

        Assert.Empty(BootFit.Check(fits, 0, "", ByteSize.FromMiB(3072), BootFields.OneByOne));
        Assert.Contains(
            "up to address 0xc0000001, beyond the 3 GiB",
            Assert.Single(BootFit.Check(doesNot, 0, "", ByteSize.FromMiB(8192), BootFields.OneByOne)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_that_takes_no_ramdisk_says_0_and_nothing_negative() =>
        Assert.Contains(
            "takes at most 0,",
            Assert.Single(BootFit.Check(Header(new() { InitrdAddrMax = 0x1000000 }), 1, "", null, BootFields.OneByOne)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_command_line_may_be_as_long_as_the_header_says()
    {
        Assert.Empty(BootFit.Check(Debian, 0, new string('x', 2046), null, BootFields.OneByOne));

        var fault = Assert.Single(BootFit.Check(Debian, 0, new string('x', 2047), null, BootFields.OneByOne));
        Assert.Equal(("spec.boot.command_line", "is 2047 bytes long, and this kernel takes at most 2046; shorten it"), (fault.Field, fault.Message));
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(5000)]
    [InlineData(65536)]
    [InlineData(1048576)]
    public void A_longer_command_line_is_refused_with_its_length(int length)
    {
        var fault = Assert.Single(BootFit.Check(Debian, 0, new string('x', length), null, BootFields.OneByOne));

        Assert.StartsWith($"is {length} bytes long", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_line_is_counted_in_bytes_of_utf_8() =>
        Assert.Contains("is 2048 bytes", Assert.Single(BootFit.Check(Debian, 0, new string('ü', 1024), null, BootFields.OneByOne)).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_a_kernel_the_usual_length_holds() =>
        Assert.Contains("an x86 kernel takes at most 2046", Assert.Single(BootFit.Check(null, 0, new string('x', 5000), null, BootFields.OneByOne)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("a\0b", "NUL at character 2")]
    [InlineData("a b\nc", "a line break at character 4")]
    [InlineData("\rx", "a carriage return at character 1")]
    public void A_command_line_with_a_character_that_ends_it_is_refused(string commandLine, string named)
    {
        var fault = Assert.Single(BootFit.Check(Debian, 0, commandLine, null, BootFields.OneByOne));

        Assert.Equal("spec.boot.command_line", fault.Field);
        Assert.Contains(named, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(fault.Message, char.IsControl);
    }

    [Fact]
    public void An_unpaired_surrogate_in_the_command_line_is_refused() =>
        Assert.Contains("no valid Unicode at character 2", Assert.Single(BootFit.Check(Debian, 0, "a\ud800b", null, BootFields.OneByOne)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("\" -drive file=/etc/shadow \"")]
    [InlineData("-- -append x,y,,z 'q' $(id) %n")]
    [InlineData("init=/bin/sh password=hunter2")]
    public void Quotes_commas_and_dashes_in_the_command_line_are_the_guests_business(string commandLine) =>
        Assert.Empty(BootFit.Check(Debian, 0, commandLine, null, BootFields.OneByOne));

    [Fact]
    public void Faults_name_the_field_that_the_part_came_from()
    {
        var fields = new BootFields("k", "i", "c");

        Assert.Equal("c", Assert.Single(BootFit.Check(Debian, 0, "\n", null, fields)).Field);
        Assert.Equal("i", Assert.Single(BootFit.Check(Debian, 4096 * MiB, "", null, fields)).Field);
    }

    [Fact]
    public void The_least_memory_is_enough_and_1_MiB_less_is_not() =>
        Gen.Select(Gen.Long[0, 400 * MiB], Gen.UInt[0x100000, 0x8000000], Gen.Int[0, 8], Gen.ULong[0x100000, 0x8000000])
            .Sample((initrd, initSize, alignment, pref) =>
            {
                var kernel = Header(new() { InitSize = initSize, Alignment = 0x1000u << alignment, PrefAddress = pref });
                var least = BootFit.LeastMemory(kernel, initrd);

                Assert.Empty(BootFit.Check(kernel, initrd, "", least, BootFields.OneByOne));
                Assert.NotEmpty(BootFit.Check(kernel, initrd, "", new ByteSize(least.Bytes - MiB), BootFields.OneByOne));

                // The loader's own arithmetic, hypervisors.md part 9.
                Assert.True(FitsByTheLoader(kernel, initrd, least.Bytes));
                Assert.False(FitsByTheLoader(kernel, initrd, least.Bytes - MiB));
            });

    [Fact]
    public void The_largest_ramdisk_fits_and_one_byte_more_does_not() =>
        Gen.Select(Gen.UInt[0x100000, 0x8000000], Gen.UInt[0x20000000, uint.MaxValue]).Sample((initSize, addrMax) =>
        {
            var kernel = Header(new() { InitSize = initSize, InitrdAddrMax = addrMax });
            var largest = BootFit.LargestInitrd(kernel);
            var memory = ByteSize.FromMiB(16384);

            Assert.Empty(BootFit.Check(kernel, largest, "", memory, BootFields.OneByOne));
            Assert.NotEmpty(BootFit.Check(kernel, largest + 1, "", memory, BootFields.OneByOne));
            Assert.True(FitsByTheLoader(kernel, largest, memory.Bytes));
            Assert.False(FitsByTheLoader(kernel, largest + 1, memory.Bytes));
        });

    private static bool FitsByTheLoader(BzImageHeader kernel, long initrd, long memory)
    {
        var lowmem = Math.Min(memory, 3072 * MiB);
        if (kernel.RunEnd > lowmem)
            return false;

        var max = Math.Min(kernel.InitrdAddrMax, lowmem - 1);
        var start = (max - initrd) & ~4095L;
        return initrd == 0 || (initrd <= max && start >= kernel.RunEnd && start + initrd <= lowmem);
    }

    private static BzImageHeader Header(BzImageBuilder builder)
    {
        var image = builder.Build();
        Assert.True(BzImageHeader.TryParse(image, image.Length, out var header, out var problem), problem);
        return header;
    }
}
