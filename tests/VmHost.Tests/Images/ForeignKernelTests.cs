using System.IO.Compression;
using System.Text;
using VmHost.Images;

namespace VmHost.Tests.Images;

/// <summary>What <see cref="BzImageHeader"/> says about files that people take for an x86 kernel.</summary>
public sealed class ForeignKernelTests
{
    [Theory]
    [InlineData("#!/bin/sh\nexec sleep 1\n")]
    [InlineData("x")]
    [InlineData("console=ttyS0 \u00e9\u00e8 \t\r\n")]
    public void A_text_file_is_called_one(string text) =>
        AssertProblem(Encoding.UTF8.GetBytes(text), "is a text file and no Linux kernel");

    [Fact]
    public void A_long_text_is_called_one_too() =>
        AssertProblem(Encoding.UTF8.GetBytes(new string('x', 100_000)), "is a text file and no Linux kernel");

    [Fact]
    public void Text_is_told_by_the_first_512_bytes()
    {
        AssertProblem([.. Encoding.UTF8.GetBytes(new string('x', 512)), .. new byte[500]], "is a text file");
        AssertProblem([.. Encoding.UTF8.GetBytes(new string('x', 511)), .. new byte[500]], "has no boot header");
    }

    [Fact]
    public void A_compressed_kernel_is_to_be_unpacked()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(new BzImageBuilder().Build());

        AssertProblem(packed.ToArray(), "is compressed with gzip");
    }

    [Fact]
    public void A_vmlinux_is_an_elf_file() =>
        AssertProblem([0x7f, .. "ELF\x02\x01\x01"u8, .. new byte[1000]], "is an ELF file (an unpacked vmlinux)");

    [Fact]
    public void An_arm64_image_is_named_as_such()
    {
        var image = new byte[4096];
        "MZ"u8.CopyTo(image);
        "ARM\x64"u8.CopyTo(image.AsSpan(56));

        AssertProblem(image, "is a kernel for arm64, and the machine is an x86-64 one");
        AssertProblem(image[..60], "is a kernel for arm64");
    }

    [Fact]
    public void An_arm64_kernel_in_zboot_form_is_named_as_such()
    {
        var image = new byte[4096];
        "MZ\0\0zimg"u8.CopyTo(image);

        AssertProblem(image, "is an EFI zboot image, which only EFI firmware can start");
    }

    [Theory]
    [InlineData(0x1fe)]
    [InlineData(0x202)]
    public void A_binary_without_one_of_the_magics_has_no_boot_header(int magicAt)
    {
        var image = new BzImageBuilder().Build();
        image[magicAt] ^= 0xff;

        AssertProblem(image, "has no boot header (0xAA55 and 'HdrS')");
    }

    [Fact]
    public void Zeros_have_no_boot_header() => AssertProblem(new byte[4096], "has no boot header");

    private static void AssertProblem(byte[] file, string says)
    {
        Assert.False(BzImageHeader.TryParse(file, file.Length, out _, out var problem));
        Assert.Contains(says, problem, StringComparison.Ordinal);
        Assert.Contains("give an x86-64 bzImage, usually named vmlinuz or bzImage", problem, StringComparison.Ordinal);
    }
}
