using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class BootResolverTests : IDisposable
{
    private static readonly ByteSize Memory = ByteSize.FromMiB(256);

    private readonly TemporaryFolder _folder = new();
    private readonly string _kernel;
    private readonly string _initrd;

    public BootResolverTests()
    {
        _kernel = _folder.Write("demo-kernel", new BzImageBuilder().Build());
        _initrd = _folder.Write("demo-initrd.img", "ramdisk");
        _folder.Write("demo-cmdline", "console=ttyS0\n");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_sound_triple_gives_its_files()
    {
        var resolution = BootResolver.Resolve(Triple(), Memory);

        Assert.Empty(resolution.Faults);
        Assert.Equal(new BootFiles(_folder.File("demo"), _kernel, _initrd, "console=ttyS0"), resolution.Files);
    }

    [Theory]
    [InlineData("a\nb", "contains a line break")]
    [InlineData(null, "with the command line before it is 2060 bytes long")]
    public void A_bad_end_of_the_command_line_is_the_fault_of_append(string? append, string problem)
    {
        var fault = Assert.Single(BootResolver.Resolve(Triple() with { Append = append ?? new string('x', 2046) }, Memory).Faults);

        Assert.Equal("spec.boot.append", fault.Field);
        Assert.StartsWith(problem, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_is_not_a_part_of_the_command_line()
    {
        File.WriteAllBytes(_folder.File("demo-cmdline"), [0xef, 0xbb, 0xbf, .. "console=ttyS0\n"u8]);

        Assert.Equal("console=ttyS0", BootResolver.Resolve(Triple(), Memory).Files!.CommandLine);
    }

    [Fact]
    public void A_kernel_that_is_none_is_named_with_its_path()
    {
        var path = _folder.Write("notes.txt", "hello\n");

        var fault = Assert.Single(BootResolver.Resolve(new(null, path, null, null), Memory).Faults);

        Assert.Equal("spec.boot.kernel_path", fault.Field);
        Assert.StartsWith($"'{path}' is a text file", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_triples_kernel_that_is_none_is_the_prefixs_fault()
    {
        _folder.Write("demo-kernel", "hello\n");

        Assert.Equal("spec.boot.triple_prefix", Assert.Single(BootResolver.Resolve(Triple(), Memory).Faults).Field);
    }

    [Fact]
    public void A_missing_kernel_is_named()
    {
        var fault = Assert.Single(BootResolver.Resolve(new(null, _folder.File("none"), null, null), Memory).Faults);

        Assert.Equal(("spec.boot.kernel_path", $"'{_folder.File("none")}' does not exist; check the path"), (fault.Field, fault.Message));
    }

    [Fact]
    public void A_sparse_kernel_of_terabytes_is_refused_without_being_read()
    {
        var path = _folder.WriteSparse("huge", 1L << 42);

        Assert.Contains("is no Linux kernel", Assert.Single(BootResolver.Resolve(new(null, path, null, null), Memory).Faults).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_ramdisk_that_is_empty_or_missing_is_named()
    {
        var empty = _folder.Write("empty", "");

        Assert.Equal("spec.boot.initrd_path", Assert.Single(BootResolver.Resolve(Triple() with { InitrdPath = empty }, Memory).Faults).Field);
        Assert.Equal("spec.boot.initrd_path", Assert.Single(BootResolver.Resolve(Triple() with { InitrdPath = empty + "2" }, Memory).Faults).Field);
    }

    [Fact]
    public void A_ramdisk_larger_than_the_memory_says_how_much_memory_is_needed()
    {
        var initrd = _folder.WriteSparse("large.img", 300L * 1024 * 1024);

        var fault = Assert.Single(BootResolver.Resolve(Triple() with { InitrdPath = initrd }, Memory).Faults);

        Assert.Equal("spec.memory_bytes", fault.Field);
        Assert.Contains("at least 368 MiB", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_ramdisk_larger_than_any_memory_is_the_ramdisks_fault()
    {
        var initrd = _folder.WriteSparse("larger.img", 1L << 42);

        Assert.Equal("spec.boot.initrd_path", Assert.Single(BootResolver.Resolve(Triple() with { InitrdPath = initrd }, Memory).Faults).Field);
    }

    [Fact]
    public void Every_part_that_is_wrong_is_named_at_once()
    {
        var resolution = BootResolver.Resolve(new(null, "kernel", "initrd", "a\nb"), null);

        Assert.Null(resolution.Files);
        Assert.Equal(
            ["spec.boot.kernel_path", "spec.boot.initrd_path", "spec.boot.command_line"],
            resolution.Faults.Select(fault => fault.Field));
    }

    [Fact]
    public void A_line_break_within_a_triples_cmdline_is_the_prefixs_fault()
    {
        _folder.Write("demo-cmdline", "a\nb\n");

        var fault = Assert.Single(BootResolver.Resolve(Triple(), Memory).Faults);

        Assert.Equal("spec.boot.triple_prefix", fault.Field);
        Assert.Contains($"'{_folder.File("demo-cmdline")}' contains a line break", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_changed_since_is_found_before_the_boot()
    {
        var files = BootResolver.Resolve(Triple(), Memory).Files;
        Assert.NotNull(files);
        Assert.Empty(BootResolver.Recheck(files, Memory));

        File.Delete(_initrd);

        Assert.Equal("spec.boot.initrd_path", Assert.Single(BootResolver.Recheck(files, Memory)).Field);
    }

    private BootRequest Triple() => new(_folder.File("demo"), null, null, null);
}
