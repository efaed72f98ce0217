using VmHost.Specs;

namespace VmHost.Tests.Specs;

public sealed class ByteSizeTests
{
    [Theory]
    [InlineData(268435456, "256 MiB")]
    [InlineData(0, "0 MiB")]
    [InlineData(1000, "1000 bytes")]
    [InlineData(-1, "-1 bytes")]
    public void It_is_shown_in_MiB_where_that_is_exact(long bytes, string expected) =>
        Assert.Equal(expected, new ByteSize(bytes).ToString());

    [Fact]
    public void It_is_ordered_by_its_bytes()
    {
        Assert.True(ByteSize.FromMiB(1) < ByteSize.FromMiB(2));
        Assert.True(ByteSize.FromMiB(2) >= new ByteSize(2097152));
    }

    [Fact]
    public void Too_many_MiB_do_not_wrap_around() =>
        Assert.Throws<OverflowException>(() => ByteSize.FromMiB(long.MaxValue));
}
