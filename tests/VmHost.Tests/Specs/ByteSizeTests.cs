using System.Text.Json;
using CsCheck;
using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1_048_575, 0)]
    [InlineData(1_048_576, 1)]
    [InlineData(1_048_577, 1)]
    [InlineData(1_073_741_824, 1024)]
    public void MiB_are_rounded_down(long bytes, long mebibytes) => Assert.Equal(mebibytes, new ByteSize(bytes).MiB);

    [Theory]
    [InlineData(0, "0 MiB")]
    [InlineData(268_435_456, "256 MiB")]
    [InlineData(1000, "1000 bytes")]
    [InlineData(1_048_577, "1048577 bytes")]
    [InlineData(-1, "-1 bytes")]
    public void Whole_MiB_are_shown_as_such_and_others_as_bytes(long bytes, string shown) =>
        Assert.Equal(shown, new ByteSize(bytes).ToString());

    [Fact]
    public void Too_many_MiB_overflow_loudly()
    {
        Assert.Equal(long.MaxValue / 1_048_576, ByteSize.FromMiB(long.MaxValue / 1_048_576).MiB);
        Assert.Throws<OverflowException>(static () => ByteSize.FromMiB((long.MaxValue / 1_048_576) + 1));
    }

    [Fact]
    public void Only_the_bytes_are_stored() =>
        Assert.Equal("""{"Bytes":4096}""", JsonSerializer.Serialize(new ByteSize(4096)));

    [Fact]
    public void Sizes_compare_as_their_bytes_do() =>
        Gen.Select(Gen.Long, Gen.Long).Sample((left, right) =>
        {
            var (a, b) = (new ByteSize(left), new ByteSize(right));

            Assert.Equal(left < right, a < b);
            Assert.Equal(left > right, a > b);
            Assert.Equal(left <= right, a <= b);
            Assert.Equal(left >= right, a >= b);
            Assert.Equal(left == right, a == b);
            Assert.Equal(Math.Sign(left.CompareTo(right)), Math.Sign(a.CompareTo(b)));
        });
}
