using CsCheck;
using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class BootFitTests
{
    private const long MiB = 1024 * 1024;
    private const long Page = 4096;
    private const long LowMemoryMax = 3072 * MiB;

    private static readonly BootFields Fields = BootFields.OneByOne;

    [Fact]
    public void Too_little_memory_for_a_debian_kernel_is_told_with_what_it_needs()
    {
        var fault = Assert.Single(Check(new BzImageBuilder().Parse(), memory: 8 * MiB));

        Assert.Equal(
            "spec.memory_bytes: 8 MiB is too little for this kernel, which needs at least 68 MiB; give 68 MiB or more",
            fault.ToString());
    }

    [Theory]
    [InlineData(0x4000000u - 0x1000000u, 64)]
    [InlineData(0x4000000u - 0x1000000u + 1u, 65)]
    public void The_kernel_must_end_within_the_memory_exact_to_the_page(uint initSize, long leastMiB)
    {
        var kernel = new BzImageBuilder { InitSize = initSize }.Parse();

        Assert.Equal(leastMiB, BootFit.LeastMemory(kernel, 0).MiB);
        Assert.Empty(Check(kernel, memory: leastMiB * MiB));
        Assert.Equal("spec.memory_bytes", Assert.Single(Check(kernel, memory: (leastMiB - 1) * MiB)).Field);
    }

    [Fact]
    public void The_memory_counts_up_to_where_the_kernel_runs_and_not_where_it_is_loaded()
    {
        // Loaded at 2 MiB it would fit into 54 MiB; it moves itself up to 16 MiB, and is dead without a word.
        var kernel = new BzImageBuilder().Parse();

        Assert.Single(Check(kernel, memory: 64 * MiB));
    }

    [Fact]
    public void The_ramdisk_goes_above_the_kernel_exact_to_the_byte()
    {
        // Ends at 64 MiB; a loader leaves one byte of the memory unused.
        var kernel = new BzImageBuilder { InitSize = 0x3000000 }.Parse();

        Assert.Equal(64, BootFit.LeastMemory(kernel, 0).MiB);
        Assert.Equal(65, BootFit.LeastMemory(kernel, 1).MiB);
        Assert.Equal(65, BootFit.LeastMemory(kernel, MiB - 1).MiB);
        Assert.Equal(66, BootFit.LeastMemory(kernel, MiB).MiB);
        Assert.Empty(Check(kernel, initrdSize: MiB - 1, memory: 65 * MiB));
        Assert.Single(Check(kernel, initrdSize: MiB, memory: 65 * MiB));
    }

    [Fact]
    public void A_ramdisk_that_does_not_fit_is_told_with_both_needs_and_room_to_unpack()
    {
        var fault = Assert.Single(Check(new BzImageBuilder().Parse(), initrdSize: 100 * MiB, memory: 128 * MiB));

        Assert.Equal("spec.memory_bytes", fault.Field);
        Assert.Equal(
            "128 MiB is too little: this kernel needs 68 MiB, and with its initial ramdisk of 104857600 bytes at least 168 MiB, and more to unpack it; give 512 MiB or more",
            fault.Message);
    }

    [Fact]
    public void The_largest_ramdisk_ends_where_the_header_allows()
    {
        var kernel = new BzImageBuilder { InitSize = 0x3000000, InitrdAddrMax = 0x7fffffff }.Parse();
        const long largest = 0x7fffffff - (64 * MiB);

        Assert.Equal(largest, BootFit.LargestInitrd(kernel));
        Assert.Empty(Check(kernel, initrdSize: largest, memory: 4096 * MiB));
        Assert.Equal(
            $"spec.boot.initrd_path: the initial ramdisk has {largest + 1} bytes, and this kernel takes at most {largest}, whatever the memory; make it smaller",
            Assert.Single(Check(kernel, initrdSize: largest + 1, memory: 4096 * MiB)).ToString());
    }

    [Fact]
    public void No_ramdisk_reaches_above_3_gib()
    {
        var kernel = new BzImageBuilder { InitSize = 0x3000000, InitrdAddrMax = uint.MaxValue }.Parse();

        Assert.Equal(LowMemoryMax - 1 - (64 * MiB), BootFit.LargestInitrd(kernel));
    }

    [Fact]
    public void A_ramdisk_of_an_exbibyte_overflows_nothing()
    {
        var fault = Assert.Single(Check(new BzImageBuilder().Parse(), initrdSize: long.MaxValue, memory: 1024 * MiB));

        Assert.Equal(Fields.Initrd, fault.Field);
    }

    [Fact]
    public void A_kernel_that_takes_no_ramdisk_says_0_and_nothing_negative()
    {
        var kernel = new BzImageBuilder { InitrdAddrMax = 0x1000000 }.Parse();

        Assert.Contains("takes at most 0,", Assert.Single(Check(kernel, initrdSize: 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_may_end_at_3_gib_and_no_byte_later()
    {
        var fits = new BzImageBuilder { PrefAddress = LowMemoryMax - 0x10000000, InitSize = 0x10000000 }.Parse();
        var doesNot = new BzImageBuilder { PrefAddress = LowMemoryMax - 0x10000000 + 1, InitSize = 0x10000000 }.Parse();

        Assert.Empty(Check(fits, memory: LowMemoryMax));
        var fault = Assert.Single(Check(doesNot, memory: 8192 * MiB));
        Assert.Equal(Fields.Kernel, fault.Field);
        Assert.Contains("up to address 0xc0000001, beyond the 3 GiB", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_known_memory_only_the_rest_is_checked() =>
        Assert.Empty(Check(new BzImageBuilder().Parse(), initrdSize: 100 * MiB, memory: null));

    [Theory]
    [InlineData(2046, true)]
    [InlineData(2047, false)]
    [InlineData(2048, false)]
    public void A_command_line_has_as_many_bytes_as_the_kernel_takes(int length, bool fits)
    {
        var faults = Check(new BzImageBuilder().Parse(), commandLine: new string('x', length));

        Assert.Equal(fits, faults.IsEmpty);
    }

    [Fact]
    public void A_command_line_that_is_too_long_is_told_by_how_much()
    {
        var fault = Assert.Single(Check(new BzImageBuilder().Parse(), commandLine: new string('x', 5000)));

        Assert.Equal(
            "spec.boot.command_line: is 5000 bytes long, and this kernel takes at most 2046; shorten it by 2954 bytes",
            fault.ToString());
    }

    [Fact]
    public void Bytes_are_counted_and_not_characters()
    {
        var kernel = new BzImageBuilder { CommandLineSize = 11 }.Parse();

        Assert.Empty(Check(kernel, commandLine: "\u00e9\u00e9\u00e9\u00e9\u00e9"));
        Assert.Contains("is 11 bytes long", Assert.Single(Check(kernel, commandLine: "\u00e9\u00e9\u00e9\u00e9\u00e9x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_kernel_the_usual_limit_holds()
    {
        Assert.Empty(Check(null, commandLine: new string('x', 2046)));
        Assert.Contains("an x86 kernel takes at most 2046", Assert.Single(Check(null, commandLine: new string('x', 1_000_000))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("quiet\0", "NUL at character 6")]
    [InlineData("\nquiet", "a line break at character 1")]
    [InlineData("a\r\nb", "a carriage return at character 2")]
    public void What_ends_a_line_is_named_with_its_place(string commandLine, string says)
    {
        var fault = Assert.Single(Check(new BzImageBuilder().Parse(), commandLine: commandLine));

        Assert.Equal(Fields.CommandLine, fault.Field);
        Assert.StartsWith($"contains {says}, where the kernel would end it", fault.Message, StringComparison.Ordinal);
    }

    // Not InlineData: an attribute cannot hold them.
    [Fact]
    public void Half_a_surrogate_pair_is_named_with_its_place()
    {
        Assert.Contains("no valid Unicode at character 3", Assert.Single(Check(null, commandLine: "ab\ud83d")).Message, StringComparison.Ordinal);
        Assert.Contains("no valid Unicode at character 1", Assert.Single(Check(null, commandLine: "\ude80\ud83d")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("console=ttyS0 a=\"b c\"  d")]
    [InlineData("\" -drive file=/etc/shadow \"")]
    [InlineData("-- -x a,b,,c $(id) `id` %n")]
    public void Whatever_else_a_command_line_says_is_the_guests_business(string commandLine) =>
        Assert.Empty(Check(new BzImageBuilder().Parse(), commandLine: commandLine));

    [Fact]
    public void Faults_of_both_kinds_are_told_at_once() =>
        Assert.Equal(
            ["spec.memory_bytes", Fields.CommandLine],
            Check(new BzImageBuilder().Parse(), commandLine: "\n", memory: MiB).Select(static fault => fault.Field));

    [Fact]
    public void Faults_name_the_fields_that_they_are_given()
    {
        var fields = new BootFields("spec.boot.triple_prefix", "spec.boot.triple_prefix", "spec.boot.triple_prefix");

        var fault = Assert.Single(BootFit.Check(null, 0, "\n", null, fields));

        Assert.Equal("spec.boot.triple_prefix", fault.Field);
    }

    [Fact]
    public void What_fits_is_what_the_loaders_own_arithmetic_places_above_the_kernel() =>
        Gen.Select(Gen.UInt[0x2000, 0x10000000], Gen.ULong[0x100000, 0x20000000], Gen.Int[12, 28], Gen.UInt, Gen.Long[1, 0x40000000], Gen.Long[1, 5000])
            .Sample(
                static (initSize, pref, alignment, initrdMax, initrdSize, mebibytes) =>
                {
                    var kernel = new BzImageBuilder
                    {
                        InitSize = initSize,
                        PrefAddress = pref,
                        Alignment = 1u << alignment,
                        InitrdAddrMax = initrdMax,
                    }.Parse();
                    var memory = mebibytes * MiB;

                    Assert.Equal(
                        LoaderPlacesAbove(kernel.RunEnd, initrdMax, initrdSize, memory),
                        Check(kernel, initrdSize: initrdSize, memory: memory).IsEmpty);
                },
                iter: 20_000);

    // firmware/kexec.c of xhyve and HyperKit, with the overlap test that it lacks.
    private static bool LoaderPlacesAbove(long runEnd, long initrdMax, long initrdSize, long memory)
    {
        var lowMemory = Math.Min(memory, LowMemoryMax);
        var max = Math.Min(initrdMax, lowMemory - 1);
        if (runEnd > lowMemory || initrdSize > max)
            return false;

        var start = (max - initrdSize) / Page * Page;
        return start >= runEnd && start + initrdSize <= lowMemory;
    }

    private static System.Collections.Immutable.ImmutableArray<SpecFault> Check(
        BzImageHeader? kernel,
        long initrdSize = 0,
        string commandLine = "console=ttyS0",
        long? memory = 1024 * MiB) =>
        BootFit.Check(kernel, initrdSize, commandLine, memory is { } bytes ? new ByteSize(bytes) : null, Fields);
}
