using System.Text;
using CsCheck;
using VmHost.Images;

namespace VmHost.Tests.Images;

public sealed class BzImageHeaderTests
{
    private static readonly BzImageBuilder Debian = new();

    [Fact]
    public void A_kernel_tells_what_it_needs()
    {
        var header = Parse(Debian.Build());

        Assert.Equal(new Version(2, 15), header.ProtocolVersion);
        Assert.Equal(2046, header.MaxCommandLineBytes);
        Assert.True(header.Relocatable);
        Assert.Equal(0x200000, header.Alignment);
        Assert.Equal(0x1000000, header.PrefAddress);
        Assert.Equal(0x3378000, header.InitSize);
        Assert.Equal(0x7fffffff, header.InitrdAddrMax);
        Assert.Equal("6.1.0-44-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP", header.KernelVersion);
    }

    [Fact]
    public void A_relocatable_kernel_is_loaded_at_its_alignment_and_runs_where_it_prefers()
    {
        var header = Parse(Debian.Build());

        Assert.Equal(0x200000, header.LoadAddress);
        Assert.Equal(0x1000000 + 0x3378000, header.RunEnd);
    }

    [Fact]
    public void A_kernel_aligned_beyond_its_preferred_address_runs_where_it_was_loaded()
    {
        var header = Parse((Debian with { Alignment = 0x4000000 }).Build());

        Assert.Equal(0x4000000 + 0x3378000, header.RunEnd);
    }

    [Fact]
    public void A_kernel_that_cannot_be_moved_is_loaded_where_it_prefers()
    {
        // Its alignment means nothing then, so it may be 0.
        var header = Parse((Debian with { Relocatable = false, Alignment = 0 }).Build());

        Assert.Equal(0x1000000, header.LoadAddress);
    }

    [Fact]
    public void The_memory_that_a_kernel_uses_ends_with_a_page()
    {
        var header = Parse((Debian with { InitSize = 0x3000001 }).Build());

        Assert.Equal(0x1000000 + 0x3001000, header.RunEnd);
    }

    [Fact]
    public void A_text_file_is_called_one() =>
        Assert.StartsWith("is a text file", ProblemOf("#!/bin/sh\necho hello\n"u8.ToArray()), StringComparison.Ordinal);

    [Fact]
    public void A_text_file_with_umlauts_is_called_one() =>
        Assert.StartsWith("is a text file", ProblemOf(Encoding.UTF8.GetBytes("Schöne Grüße\n")), StringComparison.Ordinal);

    [Fact]
    public void A_gzip_file_is_called_one() =>
        Assert.StartsWith("is compressed with gzip", ProblemOf([0x1f, 0x8b, 8, 0, .. new byte[2000]]), StringComparison.Ordinal);

    [Fact]
    public void An_unpacked_vmlinux_is_called_one() =>
        Assert.StartsWith("is an ELF file", ProblemOf([0x7f, .. "ELF"u8, 2, 1, 1, .. new byte[2000]]), StringComparison.Ordinal);

    [Fact]
    public void An_elf_header_and_garbage_are_called_an_elf_file() =>
        Assert.StartsWith("is an ELF file", ProblemOf([0x7f, .. "ELF"u8]), StringComparison.Ordinal);

    [Fact]
    public void An_arm64_kernel_is_called_one()
    {
        var image = new byte[4096];
        "MZ"u8.CopyTo(image);
        "ARM\x64"u8.CopyTo(image.AsSpan(56));

        Assert.StartsWith("is a kernel for arm64", ProblemOf(image), StringComparison.Ordinal);
    }

    [Fact]
    public void An_efi_zboot_image_is_called_one()
    {
        var image = new byte[4096];
        "MZ"u8.CopyTo(image);
        "zimg"u8.CopyTo(image.AsSpan(4));

        Assert.StartsWith("is an EFI zboot image", ProblemOf(image), StringComparison.Ordinal);
    }

    [Fact]
    public void A_32_bit_kernel_is_called_one() =>
        Assert.StartsWith("is a 32-bit kernel", ProblemOf((Debian with { XLoadFlags = 0x7e }).Build()), StringComparison.Ordinal);

    [Fact]
    public void A_kernel_too_old_to_say_its_width_is_taken() =>
        Assert.Equal(new Version(2, 10), Parse((Debian with { Protocol = 0x020a, XLoadFlags = 0 }).Build()).ProtocolVersion);

    [Fact]
    public void A_boot_protocol_before_2_10_is_refused_with_its_number() =>
        Assert.Contains("boot protocol 2.09", ProblemOf((Debian with { Protocol = 0x0209 }).Build()), StringComparison.Ordinal);

    [Fact]
    public void A_zimage_is_called_one() =>
        Assert.StartsWith("is a zImage", ProblemOf((Debian with { LoadFlags = 0 }).Build()), StringComparison.Ordinal);

    [Fact]
    public void Binary_garbage_is_no_kernel() =>
        Assert.StartsWith("is no Linux kernel", ProblemOf(new byte[4096]), StringComparison.Ordinal);

    [Fact]
    public void A_boot_sector_alone_is_no_kernel() =>
        Assert.StartsWith("is no Linux kernel", ProblemOf((Debian with { Magic = "Hdr?" }).Build()), StringComparison.Ordinal);

    [Fact]
    public void A_kernel_cut_in_its_body_is_truncated_and_the_sizes_are_told()
    {
        var problem = ProblemOf(Debian.Build()[..3000]);

        Assert.StartsWith("is truncated", problem, StringComparison.Ordinal);
        Assert.Contains("6144 bytes", problem, StringComparison.Ordinal);
        Assert.Contains("3000", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_cut_in_its_header_is_truncated() =>
        Assert.StartsWith("is truncated", ProblemOf(Debian.Build()[..0x220]), StringComparison.Ordinal);

    [Fact]
    public void A_kernel_with_a_signature_behind_it_is_taken() =>
        Parse([.. Debian.Build(), .. new byte[1500]]);

    [Fact]
    public void A_kernel_larger_than_the_memory_it_claims_is_damaged() =>
        Assert.Contains("init_size is 100", ProblemOf((Debian with { InitSize = 100, PayloadLength = 8192 }).Build()), StringComparison.Ordinal);

    [Theory]
    [InlineData(0u)]
    [InlineData(3u)]
    [InlineData(0xffffffffu)]
    public void An_alignment_that_is_no_power_of_two_is_damage(uint alignment) =>
        Assert.Contains("kernel_alignment", ProblemOf((Debian with { Alignment = alignment }).Build()), StringComparison.Ordinal);

    [Fact]
    public void A_kernel_that_wants_to_be_loaded_below_1_mib_is_damaged() =>
        Assert.Contains("below 1 MiB", ProblemOf((Debian with { Relocatable = false, PrefAddress = 0x1000 }).Build()), StringComparison.Ordinal);

    [Theory]
    [InlineData("\u001b]0;pwned\u0007")]
    [InlineData("6.1 \u009b2J")]
    [InlineData("")]
    public void A_version_that_is_not_printable_ascii_is_none(string version) =>
        Assert.Null(Parse((Debian with { Version = version }).Build()).KernelVersion);

    [Fact]
    public void A_version_without_an_end_is_none() =>
        Assert.Null(Parse((Debian with { Version = new string('x', 700) }).Build()).KernelVersion);

    [Theory]
    [InlineData(0x020b, true)]
    [InlineData(0x020c, false)]
    public void Since_protocol_2_12_a_kernel_says_its_width(int protocol, bool isTaken)
    {
        var image = (Debian with { Protocol = (ushort)protocol, XLoadFlags = 0 }).Build();

        Assert.Equal(isTaken, BzImageHeader.TryParse(image, image.Length, out _, out _));
    }

    [Theory]
    [InlineData(0u, 0)]
    [InlineData(256u, 255)]
    [InlineData(uint.MaxValue, int.MaxValue)]
    public void The_longest_command_line_leaves_a_byte_for_the_nul(uint cmdlineSize, int most) =>
        Assert.Equal(most, Parse((Debian with { CmdlineSize = cmdlineSize }).Build()).MaxCommandLineBytes);

    [Fact]
    public void A_payload_size_beyond_4_gib_does_not_wrap_around()
    {
        var image = Debian.Build();
        image.AsSpan(0x1f4, 4).Fill(0xff);

        Assert.Contains("tells of 68719478768 bytes", ProblemOf(image), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_shrank_since_its_size_was_asked_is_truncated()
    {
        using var folder = new TemporaryFolder();
        using var file = File.OpenHandle(folder.Write("kernel", Debian.Build()[..0x220]));

        Assert.False(BzImageHeader.TryRead(file, 6144, out _, out var problem));
        Assert.StartsWith("is truncated", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_cut_of_a_kernel_is_refused()
    {
        var image = Debian.Build();

        for (var length = 0; length < image.Length; length++)
            Assert.NotEmpty(ProblemOf(image[..length]));
    }

    [Fact]
    public void No_header_throws_or_gives_numbers_that_overflow() =>
        Gen.Select(Gen.Byte.Array[0x80], Gen.UInt, Gen.ULong).Sample((noise, initSize, prefAddress) =>
        {
            var image = (Debian with { InitSize = initSize, PrefAddress = prefAddress }).Build();
            noise.AsSpan(0, 0x0d).CopyTo(image.AsSpan(0x1f1));
            noise.AsSpan(0x20, 0x50).CopyTo(image.AsSpan(0x208));
            image[0x1fe] = 0x55;
            image[0x1ff] = 0xAA;

            return !BzImageHeader.TryParse(image, image.Length, out var header, out _)
                || (header.RunEnd >= header.LoadAddress && header.LoadAddress >= BzImageHeader.LowestAddress && header.MaxCommandLineBytes >= 0);
        });

    private static BzImageHeader Parse(byte[] image)
    {
        Assert.True(BzImageHeader.TryParse(image, image.Length, out var header, out var problem), problem);
        return header;
    }

    private static string ProblemOf(byte[] image)
    {
        Assert.False(BzImageHeader.TryParse(image, image.Length, out _, out var problem));
        Assert.DoesNotContain('\n', problem);
        return problem;
    }
}
