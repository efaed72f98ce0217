using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class TripleFinderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Prefix => _folder.File("demo");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_triple_is_found_by_its_prefix()
    {
        WriteTriple();

        var found = TripleFinder.Find(Request());

        Assert.Empty(found.Faults);
        Assert.Equal((Prefix + "-kernel", Prefix + "-initrd.img", "console=ttyS0 quiet"), (found.KernelPath, found.InitrdPath, found.CommandLine));
    }

    [Fact]
    public void A_bzimage_stands_in_for_the_kernel()
    {
        WriteTriple();
        File.Move(Prefix + "-kernel", Prefix + "-bzImage");

        Assert.Equal(Prefix + "-bzImage", TripleFinder.Find(Request()).KernelPath);
    }

    [Fact]
    public void Where_both_are_the_kernel_wins()
    {
        WriteTriple();
        _folder.Write("demo-bzImage", "other");

        Assert.Equal(Prefix + "-kernel", TripleFinder.Find(Request()).KernelPath);
    }

    [Fact]
    public void A_broken_link_for_a_kernel_does_not_silently_give_way_to_a_bzimage()
    {
        WriteTriple();
        File.Move(Prefix + "-kernel", Prefix + "-bzImage");
        _folder.Link("demo-kernel", "nowhere");

        Assert.Equal(Prefix + "-kernel", TripleFinder.Find(Request()).KernelPath);
    }

    [Theory]
    [InlineData("a b\n", "a b")]
    [InlineData("a b\n\n", "a b")]
    [InlineData("a b\r\n", "a b")]
    [InlineData("a b", "a b")]
    [InlineData(" a b \n", " a b ")]
    [InlineData("a\nb\n", "a\nb")]
    [InlineData("\n", "")]
    [InlineData("", "")]
    public void Only_line_breaks_at_the_end_of_the_cmdline_are_trimmed(string content, string expected)
    {
        WriteTriple();
        _folder.Write("demo-cmdline", content);

        Assert.Equal(expected, TripleFinder.Find(Request()).CommandLine);
    }

    [Fact]
    public void Without_any_file_the_three_paths_looked_for_are_named()
    {
        var fault = Assert.Single(TripleFinder.Find(Request()).Faults);

        Assert.Equal("spec.boot.triple_prefix", fault.Field);
        Assert.Contains(Prefix + "-kernel", fault.Message, StringComparison.Ordinal);
        Assert.Contains("-bzImage", fault.Message, StringComparison.Ordinal);
        Assert.Contains(Prefix + "-initrd.img", fault.Message, StringComparison.Ordinal);
        Assert.Contains(Prefix + "-cmdline", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-kernel", "spec.boot.kernel_path")]
    [InlineData("-initrd.img", "spec.boot.initrd_path")]
    [InlineData("-cmdline", "spec.boot.command_line")]
    public void A_missing_part_is_named_with_the_field_that_could_replace_it(string suffix, string instead)
    {
        WriteTriple();
        File.Delete(Prefix + suffix);

        var fault = Assert.Single(TripleFinder.Find(Request()).Faults);

        Assert.Equal("spec.boot.triple_prefix", fault.Field);
        Assert.Contains(Prefix + suffix, fault.Message, StringComparison.Ordinal);
        Assert.Contains(instead, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_given_by_themselves_replace_the_triples()
    {
        WriteTriple();
        File.Delete(Prefix + "-kernel");
        File.Delete(Prefix + "-cmdline");

        var found = TripleFinder.Find(new(Prefix, "/boot/vmlinuz", null, "single"));

        Assert.Empty(found.Faults);
        Assert.Equal(("/boot/vmlinuz", Prefix + "-initrd.img", "single"), (found.KernelPath, found.InitrdPath, found.CommandLine));
        Assert.Equal(new BootFields("spec.boot.kernel_path", "spec.boot.triple_prefix", "spec.boot.command_line"), found.Fields);
    }

    [Theory]
    [InlineData("-kernel")]
    [InlineData("-bzImage")]
    [InlineData("-initrd.img")]
    [InlineData("-cmdline")]
    public void Given_one_of_its_files_the_right_prefix_is_proposed(string suffix)
    {
        WriteTriple();
        _folder.Write("demo-bzImage", "other");

        var fault = Assert.Single(TripleFinder.Find(Request() with { TriplePrefix = Prefix + suffix }).Faults);

        Assert.EndsWith($"give the prefix that its files share: '{Prefix}'", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(244)]
    [InlineData(249)]
    [InlineData(300)]
    public void A_prefix_too_long_for_its_suffixes_has_no_triple(int length)
    {
        var fault = Assert.Single(TripleFinder.Find(Request() with { TriplePrefix = _folder.File(new string('x', length)) }).Faults);

        Assert.StartsWith("there is no triple of this prefix", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("")]
    [InlineData("/a\0b")]
    [InlineData("/a\u001b[2J")]
    public void A_prefix_that_is_no_absolute_path_is_refused(string prefix)
    {
        var fault = Assert.Single(TripleFinder.Find(Request() with { TriplePrefix = prefix }).Faults);

        Assert.Equal("spec.boot.triple_prefix", fault.Field);
        Assert.DoesNotContain(fault.Message, char.IsControl);
    }

    [Fact]
    public void A_cmdline_file_of_more_than_64_KiB_is_not_read()
    {
        WriteTriple();
        _folder.WriteSparse("demo-cmdline", 1L << 40);

        Assert.Contains("has 1099511627776 bytes", Assert.Single(TripleFinder.Find(Request()).Faults).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cmdline_file_that_is_no_utf_8_is_refused()
    {
        WriteTriple();
        _folder.Write("demo-cmdline", [(byte)'a', 0xff, (byte)'b']);

        Assert.Contains("is no UTF-8 text", Assert.Single(TripleFinder.Find(Request()).Faults).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cmdline_that_is_a_fifo_is_refused_and_not_waited_for()
    {
        WriteTriple();
        File.Delete(Prefix + "-cmdline");
        await _folder.MakeFifoAsync("demo-cmdline");

        Assert.Contains("is a FIFO", Assert.Single(TripleFinder.Find(Request()).Faults).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_prefix_and_kernel_the_kernel_is_missing() =>
        Assert.Equal("spec.boot.kernel_path", Assert.Single(TripleFinder.Find(new(null, null, null, null)).Faults).Field);

    [Fact]
    public void A_kernel_alone_has_no_ramdisk_and_an_empty_command_line()
    {
        var found = TripleFinder.Find(new(null, "/boot/vmlinuz", null, null));

        Assert.Empty(found.Faults);
        Assert.Equal((null, ""), (found.InitrdPath, found.CommandLine));
    }

    private BootRequest Request() => new(Prefix, null, null, null);

    private void WriteTriple()
    {
        _folder.Write("demo-kernel", "kernel");
        _folder.Write("demo-initrd.img", "initrd");
        _folder.Write("demo-cmdline", "console=ttyS0 quiet\n");
    }
}
