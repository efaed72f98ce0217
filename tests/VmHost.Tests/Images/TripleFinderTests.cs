using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class TripleFinderTests : IDisposable
{
    private readonly ImageFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_triple_is_found_by_its_prefix()
    {
        var prefix = _folder.WriteTriple("redis", commandLine: "console=ttyS0 quiet\n");

        var found = TripleFinder.Find(Triple(prefix));

        Assert.Empty(found.Faults);
        Assert.Equal(prefix + "-kernel", found.KernelPath);
        Assert.Equal(prefix + "-initrd.img", found.InitrdPath);
        Assert.Equal("console=ttyS0 quiet", found.CommandLine);
        Assert.Equal(new BootFields(BootFields.TriplePrefix, BootFields.TriplePrefix, BootFields.TriplePrefix), found.Fields);
    }

    [Fact]
    public void The_bzimage_of_2017_is_a_kernel_too()
    {
        var prefix = _folder.WriteTriple("redis", kernelSuffix: "-bzImage");

        Assert.Equal(prefix + "-bzImage", TripleFinder.Find(Triple(prefix)).KernelPath);
    }

    [Fact]
    public void A_kernel_goes_before_a_bzimage()
    {
        var prefix = _folder.WriteTriple("redis");
        _folder.WriteKernel("redis-bzImage");

        Assert.Equal(prefix + "-kernel", TripleFinder.Find(Triple(prefix)).KernelPath);
    }

    [Fact]
    public void A_broken_link_for_a_kernel_does_not_silently_give_way_to_a_bzimage()
    {
        var prefix = _folder.WriteTriple("redis", kernelSuffix: "-bzImage");
        _folder.Link("redis-kernel", _folder.Path("nothing"));

        Assert.Equal(prefix + "-kernel", TripleFinder.Find(Triple(prefix)).KernelPath);
    }

    [Theory]
    [InlineData("console=ttyS0", "console=ttyS0")]
    [InlineData("console=ttyS0\n", "console=ttyS0")]
    [InlineData("console=ttyS0\r\n", "console=ttyS0")]
    [InlineData("console=ttyS0\n\n", "console=ttyS0")]
    [InlineData(" a  b \n", " a  b ")]
    [InlineData("a\nb\n", "a\nb")]
    [InlineData("", "")]
    [InlineData("\n", "")]
    public void Only_line_breaks_at_the_end_are_trimmed(string content, string commandLine)
    {
        var found = TripleFinder.Find(Triple(_folder.WriteTriple("redis", commandLine: content)));

        Assert.Empty(found.Faults);
        Assert.Equal(commandLine, found.CommandLine);
    }

    [Theory]
    [InlineData("-kernel", "-kernel' (or -bzImage) does not exist", "spec.boot.kernel_path")]
    [InlineData("-initrd.img", "-initrd.img' does not exist", "spec.boot.initrd_path")]
    [InlineData("-cmdline", "-cmdline' does not exist", "spec.boot.command_line")]
    public void A_missing_part_is_named_with_the_field_to_set_instead(string suffix, string says, string insteadField)
    {
        var prefix = _folder.WriteTriple("redis");
        File.Delete(prefix + suffix);

        var found = TripleFinder.Find(Triple(prefix));

        var fault = Assert.Single(found.Faults);
        Assert.Equal(BootFields.TriplePrefix, fault.Field);
        Assert.Equal($"'{prefix}{says} and the triple is not whole without it; put it there or set {insteadField}", fault.Message);
    }

    [Fact]
    public void Two_missing_parts_are_two_faults()
    {
        var prefix = _folder.WriteTriple("redis");
        File.Delete(prefix + "-kernel");
        File.Delete(prefix + "-cmdline");

        Assert.Equal(2, TripleFinder.Find(Triple(prefix)).Faults.Length);
    }

    [Fact]
    public void No_part_at_all_is_one_fault_about_the_prefix()
    {
        var prefix = _folder.Path("redis");

        var fault = Assert.Single(TripleFinder.Find(Triple(prefix)).Faults);

        Assert.Equal(
            $"there is no triple of this prefix: none of '{prefix}-kernel' (or -bzImage), '{prefix}-initrd.img', '{prefix}-cmdline' exists; check the path, without the suffixes",
            fault.Message);
    }

    [Theory]
    [InlineData("-kernel")]
    [InlineData("-bzImage")]
    [InlineData("-initrd.img")]
    [InlineData("-cmdline")]
    public void Whoever_gives_one_of_the_files_is_told_the_prefix(string suffix)
    {
        var prefix = _folder.WriteTriple("redis");
        _folder.WriteKernel("redis-bzImage");

        var fault = Assert.Single(TripleFinder.Find(Triple(prefix + suffix)).Faults);

        Assert.Equal($"'{prefix}{suffix}' is one file of a triple; give the prefix that its files share: '{prefix}'", fault.Message);
    }

    [Fact]
    public void A_prefix_that_ends_like_a_file_may_be_one()
    {
        var prefix = _folder.WriteTriple("my-kernel");

        Assert.Equal(prefix + "-kernel", TripleFinder.Find(Triple(prefix)).KernelPath);
    }

    [Fact]
    public void Parts_given_by_themselves_replace_the_triples()
    {
        var prefix = _folder.WriteTriple("redis");

        var found = TripleFinder.Find(new(prefix, "/other/kernel", "/other/initrd", "quiet"));

        Assert.Empty(found.Faults);
        Assert.Equal("/other/kernel", found.KernelPath);
        Assert.Equal("/other/initrd", found.InitrdPath);
        Assert.Equal("quiet", found.CommandLine);
        Assert.Equal(BootFields.OneByOne, found.Fields);
    }

    [Fact]
    public void A_part_that_was_replaced_may_be_missing()
    {
        var prefix = _folder.WriteTriple("redis");
        File.Delete(prefix + "-kernel");
        File.Delete(prefix + "-cmdline");

        var found = TripleFinder.Find(new(prefix, "/other/kernel", null, ""));

        Assert.Empty(found.Faults);
        Assert.Equal("", found.CommandLine);
        Assert.Equal(prefix + "-initrd.img", found.InitrdPath);
        Assert.Equal(BootFields.TriplePrefix, found.Fields.Initrd);
    }

    [Fact]
    public void The_only_part_still_wanted_is_named_when_it_is_missing()
    {
        var fault = Assert.Single(TripleFinder.Find(new(_folder.Path("redis"), "/other/kernel", null, "")).Faults);

        Assert.Contains("redis-initrd.img' does not exist and the triple is not whole", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_triple_a_kernel_is_enough()
    {
        var found = TripleFinder.Find(new(null, "/images/kernel", null, null));

        Assert.Empty(found.Faults);
        Assert.Equal("/images/kernel", found.KernelPath);
        Assert.Null(found.InitrdPath);
        Assert.Equal("", found.CommandLine);
        Assert.Equal(BootFields.OneByOne, found.Fields);
    }

    [Fact]
    public void Without_triple_and_kernel_there_is_nothing_to_boot()
    {
        var fault = Assert.Single(TripleFinder.Find(new(null, null, "/images/initrd", "quiet")).Faults);

        Assert.Equal("spec.boot.kernel_path: is not set, nor is spec.boot.triple_prefix; give one of them, as an absolute path", fault.ToString());
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("images/redis", "is relative")]
    [InlineData("/images/re\ndis", "contains a control character")]
    [InlineData("/images/re\0dis", "contains NUL")]
    public void A_prefix_that_is_no_path_is_one_fault(string prefix, string says)
    {
        var fault = Assert.Single(TripleFinder.Find(Triple(prefix)).Faults);

        Assert.Equal(BootFields.TriplePrefix, fault.Field);
        Assert.Contains(says, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(249)]
    [InlineData(300)]
    public void A_prefix_too_long_for_its_suffixes_has_no_triple(int length) =>
        Assert.Contains(
            "there is no triple of this prefix",
            Assert.Single(TripleFinder.Find(Triple(_folder.Path(new string('x', length)))).Faults).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_prefix_that_only_its_suffixes_make_too_long_has_no_triple() =>
        Assert.Contains(
            "there is no triple of this prefix",
            Assert.Single(TripleFinder.Find(Triple(string.Concat(Enumerable.Repeat("/.", 2045)) + "/x")).Faults).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_command_line_file_of_another_kind_is_told()
    {
        var prefix = _folder.WriteTriple("redis");
        File.Delete(prefix + "-cmdline");
        _folder.MakeFifo("redis-cmdline");

        var found = TripleFinder.Find(Triple(prefix));

        Assert.Null(found.CommandLine);
        Assert.Contains("redis-cmdline' is a FIFO", Assert.Single(found.Faults).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_line_file_that_is_no_text_is_told()
    {
        var prefix = _folder.WriteTriple("redis");
        _folder.Write("redis-cmdline", [(byte)'a', 0xff]);

        Assert.Contains("redis-cmdline' is no UTF-8 text", Assert.Single(TripleFinder.Find(Triple(prefix)).Faults).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_line_file_beyond_64_kib_is_not_read()
    {
        var prefix = _folder.WriteTriple("redis", commandLine: new string('x', 65_536));
        Assert.Equal(65_536, TripleFinder.Find(Triple(prefix)).CommandLine?.Length);

        _folder.WriteSparse("redis-cmdline", 1L << 40);
        Assert.Contains(
            "has 1099511627776 bytes and is no command line",
            Assert.Single(TripleFinder.Find(Triple(prefix)).Faults).Message,
            StringComparison.Ordinal);
    }

    private static BootRequest Triple(string prefix) => new(prefix, null, null, null);
}
