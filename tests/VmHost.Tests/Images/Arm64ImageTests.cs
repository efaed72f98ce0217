using System.Buffers.Binary;
using VmHost.Images;

namespace VmHost.Tests.Images;

public sealed class Arm64ImageTests
{
    [Fact]
    public void The_header_tells_where_the_kernel_ends()
    {
        var image = Arm64Image.TryParse(Header(textOffset: 0x80000, size: 20 << 20));

        Assert.Equal(new Arm64Image(0x80000, 20 << 20), image);
        Assert.Equal((2 << 20) + 0x80000 + (20 << 20), image!.RunEnd);
        Assert.Null(image.Problem);
    }

    [Theory]
    [InlineData(0, "older than Linux 3.17")]
    [InlineData(long.MaxValue, "has a damaged header")]
    [InlineData(-1, "has a damaged header")]
    public void A_size_that_cannot_be_is_told(long size, string problem) =>
        Assert.Contains(problem, Arm64Image.TryParse(Header(0, size))!.Problem, StringComparison.Ordinal);

    [Fact]
    public void What_is_no_arm64_kernel_is_none()
    {
        Assert.Null(Arm64Image.TryParse(new byte[64]));
        Assert.Null(Arm64Image.TryParse(Header(0, 1).AsSpan(0, 63)));
    }

    private static byte[] Header(long textOffset, long size)
    {
        var header = new byte[64];
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8), textOffset);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), size);
        "ARMd"u8.CopyTo(header.AsSpan(56));
        return header;
    }
}
