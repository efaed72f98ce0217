using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Tests.Images;

public sealed class BootResolverTests : IDisposable
{
    private static readonly ByteSize Enough = ByteSize.FromMiB(1024);

    private readonly ImageFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_triple_becomes_the_files_to_boot()
    {
        var prefix = _folder.WriteTriple("redis");

        var resolution = BootResolver.Resolve(new(prefix, null, null, null), Enough);

        Assert.Empty(resolution.Faults);
        Assert.Equal(new BootFiles(prefix, prefix + "-kernel", prefix + "-initrd.img", "console=ttyS0"), resolution.Files);
    }

    [Fact]
    public void A_kernel_alone_becomes_a_boot_without_ramdisk()
    {
        var kernel = _folder.WriteKernel("vmlinuz");

        var resolution = BootResolver.Resolve(new(null, kernel, null, null), Enough);

        Assert.Equal(new BootFiles(null, kernel, null, ""), resolution.Files);
    }

    [Fact]
    public void A_text_file_for_a_kernel_is_named()
    {
        var text = _folder.Write("vmlinuz", "no kernel\n");

        Assert.Equal(
            $"spec.boot.kernel_path: '{text}' is a text file and no Linux kernel; give an x86-64 bzImage, usually named vmlinuz or bzImage",
            OneByOneFault(text, null, ""));
    }

    [Fact]
    public void A_kernel_of_a_triple_is_a_fault_of_its_prefix()
    {
        var prefix = _folder.WriteTriple("redis");
        _folder.Write("redis-kernel", new BzImageBuilder().Build()[..5000]);

        var fault = Assert.Single(BootResolver.Resolve(new(prefix, null, null, null), Enough).Faults);

        Assert.Equal(BootFields.TriplePrefix, fault.Field);
        Assert.StartsWith($"'{prefix}-kernel' is truncated: its header tells of 6144 bytes, and it has 5000", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_endless_sparse_kernel_is_refused_at_its_header()
    {
        var path = _folder.WriteKernel("vmlinuz");
        using (var file = File.OpenWrite(path))
            file.SetLength(1L << 40);

        Assert.Contains("has a damaged boot header", OneByOneFault(path, null, ""), StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_that_is_missing_or_no_file_is_told()
    {
        Assert.Contains("does not exist", OneByOneFault(_folder.Path("nothing"), null, ""), StringComparison.Ordinal);
        Assert.Contains("is relative", OneByOneFault("vmlinuz", null, ""), StringComparison.Ordinal);
        Assert.Contains("is a directory", OneByOneFault(_folder.Root, null, ""), StringComparison.Ordinal);
        Assert.Contains("is a FIFO", OneByOneFault(_folder.MakeFifo("fifo"), null, ""), StringComparison.Ordinal);
        Assert.Contains("is empty", OneByOneFault("", null, ""), StringComparison.Ordinal);
    }

    [Fact]
    public void A_ramdisk_that_is_missing_or_empty_is_told()
    {
        var kernel = _folder.WriteKernel("vmlinuz");

        Assert.StartsWith("spec.boot.initrd_path: ", OneByOneFault(kernel, _folder.Path("nothing"), ""), StringComparison.Ordinal);
        Assert.Contains("is empty (0 bytes)", OneByOneFault(kernel, _folder.Write("initrd", ""), ""), StringComparison.Ordinal);
        Assert.Contains("is relative", OneByOneFault(kernel, "a,b", ""), StringComparison.Ordinal);
        Assert.Contains("for each process", OneByOneFault(kernel, "/dev/stdin", ""), StringComparison.Ordinal);
    }

    [Fact]
    public void A_ramdisk_larger_than_the_memory_allows_is_told_with_what_it_needs()
    {
        var kernel = _folder.WriteKernel("vmlinuz");
        var initrd = _folder.WriteSparse("initrd", 1024L * 1024 * 1024);

        Assert.StartsWith(
            "spec.memory_bytes: 1024 MiB is too little: this kernel needs 68 MiB, and with its initial ramdisk of 1073741824 bytes at least 1092 MiB",
            OneByOneFault(kernel, initrd, ""),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_ramdisk_larger_than_any_memory_allows_is_told_as_such()
    {
        var initrd = _folder.WriteSparse("initrd", 1L << 40);

        Assert.Contains("whatever the memory", OneByOneFault(_folder.WriteKernel("vmlinuz"), initrd, ""), StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_line_of_a_triple_is_said_to_be_the_triples()
    {
        Assert.Equal(
            "spec.boot.triple_prefix: the triple's command line contains a line break at character 2, where the kernel would end it or a loader break it; use a space",
            TripleFault(_folder.WriteTriple("two-lines", commandLine: "a\nb\n")));
        Assert.Equal(
            "spec.boot.triple_prefix: the triple's command line is 5000 bytes long, and this kernel takes at most 2046; shorten it by 2954 bytes",
            TripleFault(_folder.WriteTriple("long", commandLine: new string('x', 5000))));
        Assert.Contains(
            "the triple's command line contains NUL at character 1",
            TripleFault(_folder.WriteTriple("nul", commandLine: "\0")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Everything_wrong_is_told_at_once()
    {
        var resolution = BootResolver.Resolve(new(null, _folder.Write("vmlinuz", "text"), _folder.Path("nothing"), "a\nb"), Enough);

        Assert.Null(resolution.Files);
        Assert.Equal(
            ["spec.boot.kernel_path", "spec.boot.initrd_path", "spec.boot.command_line"],
            resolution.Faults.Select(static fault => fault.Field));
    }

    [Fact]
    public void A_missing_part_does_not_hide_what_is_wrong_with_the_others()
    {
        var prefix = _folder.WriteTriple("redis");
        File.Delete(prefix + "-initrd.img");
        _folder.Write("redis-kernel", "text");

        var faults = BootResolver.Resolve(new(prefix, null, null, null), Enough).Faults;

        Assert.Equal(2, faults.Length);
        Assert.Contains("redis-initrd.img' does not exist", faults[0].Message, StringComparison.Ordinal);
        Assert.Contains("redis-kernel' is a text file", faults[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_known_memory_the_fit_is_not_judged()
    {
        var prefix = _folder.WriteTriple("redis");

        Assert.Empty(BootResolver.Resolve(new(prefix, null, null, null), null).Faults);
        Assert.Single(BootResolver.Resolve(new(prefix, null, null, null), ByteSize.FromMiB(8)).Faults);
    }

    [Fact]
    public void Files_that_are_still_sound_pass_a_second_check()
    {
        var files = BootResolver.Resolve(new(_folder.WriteTriple("redis"), null, null, null), Enough).Files;
        Assert.NotNull(files);

        Assert.Empty(BootResolver.Recheck(files, Enough));
    }

    [Fact]
    public void A_second_check_finds_what_changed_since()
    {
        var files = BootResolver.Resolve(new(_folder.WriteTriple("redis"), null, null, null), Enough).Files;
        Assert.NotNull(files);
        _folder.Write("redis-kernel", "text");
        File.Delete(_folder.Path("redis-initrd.img"));

        Assert.Equal(
            ["spec.boot.kernel_path", "spec.boot.initrd_path"],
            BootResolver.Recheck(files, Enough).Select(static fault => fault.Field));
    }

    [Fact]
    public void It_serves_the_validation_of_a_whole_request()
    {
        var request = new MachineRequest(
            null, new(_folder.WriteTriple("Linux Redis"), null, null, null), null, 8 * 1024 * 1024, [], HypervisorKind.Auto, null);

        var tooLittle = MachineSpecValidator.Validate(request, BootResolver.Resolve);
        var enough = MachineSpecValidator.Validate(request with { MemoryBytes = 128 * 1024 * 1024 }, BootResolver.Resolve);

        Assert.Equal("spec.memory_bytes", Assert.Single(tooLittle.Faults).Field);
        Assert.Equal("linux-redis", enough.Name);
    }

    private static string OneByOneFault(string kernel, string? initrd, string commandLine) =>
        Assert.Single(BootResolver.Resolve(new(null, kernel, initrd, commandLine), Enough).Faults).ToString();

    private static string TripleFault(string prefix) =>
        Assert.Single(BootResolver.Resolve(new(prefix, null, null, null), Enough).Faults).ToString();
}
