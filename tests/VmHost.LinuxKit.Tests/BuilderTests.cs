using System.Text;
using System.Text.RegularExpressions;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Outputs;
using VmHost.TestKit;

namespace VmHost.LinuxKit.Tests;

/// <summary>From YAML and images to files.</summary>
public sealed partial class BuilderTests : IDisposable
{
    private readonly BuildRig _rig = new();

    [Fact]
    public async Task Todays_layout()
    {
        var result = await _rig.BuildAsync(BuildRig.Yaml);

        Assert.Equal(["x-kernel", "x-initrd.img", "x-cmdline"], result.Files.Select(Path.GetFileName));
        Assert.Equal("KERNEL", _rig.Text("x-kernel"));
        Assert.Equal("console=ttyS0", _rig.Text("x-cmdline"));
        Golden.Matches("linuxkit/tree-today.txt", await _rig.ListAsync("x-initrd.img"));
        Assert.Equal(
            [
                "Extract kernel image: t/kernel:1", "Add init containers:", "Process init image: t/init:1", "Add onboot containers:", "  Create OCI config for t/tool:1",
                "Add service containers:", "  Create OCI config for t/tool:1", "  Create OCI config for t/other:1", "Add files:", "  etc/x/y", "Create outputs:", "  x-kernel x-initrd.img x-cmdline",
            ],
            _rig.Said);
    }

    [Fact]
    public async Task Another_service_is_one_edited_line()
    {
        const string One = "init: ['t/init:1']\nservices:\n- name: app\n  image: t/tool:1\n";
        await _rig.BuildAsync(One);
        var before = await _rig.ListAsync("x-initrd.img");
        await _rig.BuildAsync(One.Replace("t/tool:1", "t/other:1", StringComparison.Ordinal));
        var after = await _rig.ListAsync("x-initrd.img");

        Assert.Contains(before, line => line.EndsWith("containers/services/app/lower/tool", StringComparison.Ordinal));
        Assert.Contains(after, line => line.EndsWith("containers/services/app/lower/other", StringComparison.Ordinal));
        Assert.All(before.Except(after).Concat(after.Except(before)), line => Assert.Contains("containers/services/app/", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_layout_of_2017()
    {
        var result = await _rig.BuildAsync(BuildRig.Yaml + "\noutputs: [{format: kernel+initrd}]");

        Assert.Equal(Layout.Year2017, result.Layout);
        Assert.Equal(["x-bzImage", "x-initrd.img", "x-cmdline"], result.Files.Select(Path.GetFileName));
        Golden.Matches("linuxkit/tree-2017.txt", await _rig.ListAsync("x-initrd.img"));
    }

    [Theory]
    [InlineData("t/kernel2017:1", Layout.Auto, Layout.Year2017)]
    [InlineData("t/kernel2017:1", Layout.Today, Layout.Today)]
    [InlineData("t/kernel:1", Layout.Auto, Layout.Today)]
    [InlineData("t/kernel:1", Layout.Year2017, Layout.Year2017)]
    public async Task The_kernels_image_decides_the_layout(string kernel, Layout asked, Layout chosen) =>
        Assert.Equal(chosen, (await _rig.BuildAsync($"kernel: {{image: '{kernel}'}}", request => request with { Layout = asked })).Layout);

    [Fact]
    public async Task The_same_inputs_give_the_same_bytes()
    {
        var first = await BytesAsync(request => request with { Threads = 1 });

        foreach (var threads in new[] { 1, 2, 5 })
            Assert.Equal(first, await BytesAsync(request => request with { Threads = threads }));

        async Task<byte[]> BytesAsync(Func<BuildRequest, BuildRequest> change)
        {
            await _rig.BuildAsync(BuildRig.Yaml, change);
            return await File.ReadAllBytesAsync(Path.Combine(_rig.Output, "x-initrd.img"), TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Microcode_comes_first_and_unpacked()
    {
        await _rig.BuildAsync("kernel: {image: 't/ucode:1', tar: none, ucode: a.cpio}\ninit: ['t/init:1']");

        var bytes = await File.ReadAllBytesAsync(Path.Combine(_rig.Output, "x-initrd.img"), TestContext.Current.CancellationToken);
        Assert.Equal("UCODE"u8.ToArray(), bytes[..5]);
        Assert.Equal([0x1F, 0x8B], bytes[5..7]);
    }

    [Fact]
    public async Task Every_compression_holds_the_same()
    {
        await _rig.BuildAsync(BuildRig.Yaml, request => request with { Compression = Compression.None });
        var plain = await File.ReadAllBytesAsync(Path.Combine(_rig.Output, "x-initrd.img"), TestContext.Current.CancellationToken);
        await _rig.BuildAsync(BuildRig.Yaml, request => request with { Compression = Compression.Zstd });

        using var unpacked = new MemoryStream();
        await using var zstd = new ZstdSharp.DecompressionStream(File.OpenRead(Path.Combine(_rig.Output, "x-initrd.img")), leaveOpen: false);
        await zstd.CopyToAsync(unpacked, TestContext.Current.CancellationToken);
        Assert.Equal(plain, unpacked.ToArray());
        Assert.Equal(0, plain.Length % 512);
    }

    [Fact]
    public async Task In_a_tar_microcode_stands_by_itself()
    {
        await _rig.BuildAsync("kernel: {image: 't/ucode:1', tar: none, ucode: a.cpio}\ninit: ['t/init:1']", request => request with { Formats = ["kernel+initrd", "tar-kernel-initrd"] });

        Assert.Equal(["kernel", "initrd.img", "ucode.cpio"], await BuildRig.RunAsync("tar", "-tf", Path.Combine(_rig.Output, "x-initrd.tar")));
        Assert.StartsWith("UCODE", _rig.Text("x-initrd.img"), StringComparison.Ordinal);
        await BuildRig.RunAsync("tar", "-xf", Path.Combine(_rig.Output, "x-initrd.tar"), "-C", _rig.Output, "initrd.img");
        Assert.StartsWith("\u001F\u008B", _rig.Text("initrd.img"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Volumes_are_empty_or_hold_an_image_or_its_layout()
    {
        await _rig.BuildAsync("volumes: [{name: empty}, {name: full, image: 't/other:1'}, {name: layout, image: 't/other:1', format: oci}]", request => request with { Compression = Compression.None });

        // The framework's tar writer puts its process's number into the test's layers, so that each run has other blobs.
        Golden.Matches("linuxkit/tree-volumes.txt", (await _rig.ListAsync("x-initrd.img")).Select(line => Blob().Replace(line, "SIZE Apr 18 2017 ${directory}/DIGEST")));
        await BuildRig.RunAsync("bash", "-c", $"cd '{_rig.Output}' && cpio -id --quiet --no-absolute-filenames <x-initrd.img");
        var blobs = Directory.GetFiles(Path.Combine(_rig.Output, "containers/volumes/layout/lower/blobs/sha256"));
        Assert.Equal(3, blobs.Length);
        Assert.All(blobs, blob => Assert.Equal($"sha256:{Path.GetFileName(blob)}", TestImages.Digest(File.ReadAllBytes(blob))));
        Assert.Contains("\"docker.io/t/other:1\"", await File.ReadAllTextAsync(Path.Combine(_rig.Output, "containers/volumes/layout/lower/index.json"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layout_with_a_damaged_blob_is_not_built()
    {
        var image = await _rig.Images.LoadAsync("docker.io/t/other:1");
        var bytes = await File.ReadAllBytesAsync(image.Layers[0].Path, TestContext.Current.CancellationToken);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(image.Layers[0].Path, bytes, TestContext.Current.CancellationToken);

        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => _rig.BuildAsync("volumes: [{name: layout, image: 't/other:1', format: oci}]", load: false));

        Assert.StartsWith($"docker.io/t/other:1: the blob {image.Layers[0].Descriptor.Digest} is not what its name says: it was damaged on this disk", refused.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(image.Layers[0].Path));
    }

    [Theory]
    [InlineData("t/kernel:1")]
    [InlineData("t/evil-modules:1")]
    public async Task Only_the_kernels_image_gives_the_kernel_and_its_command_line(string kernel)
    {
        var boot = new TestLayer().Directory("boot").File("boot/kernel", "EVIL").File("boot/cmdline", "init=/evil").File("boot/ucode.cpio", "EVIL");
        _rig.Images.Add("docker.io/t/evil:1", boot).Add("docker.io/t/evil-modules:1", new TestLayer().File("kernel", "KERNEL").File("kernel.tar", Encoding.Latin1.GetString(boot.Tar())));

        var result = await _rig.BuildAsync($"kernel: {{image: '{kernel}', cmdline: good}}\ninit: ['t/evil:1']");

        Assert.Equal(["x-kernel", "x-initrd.img", "x-cmdline"], result.Files.Select(Path.GetFileName));
        Assert.Equal("KERNEL", _rig.Text("x-kernel"));
        Assert.Equal("good", _rig.Text("x-cmdline"));
        Assert.DoesNotContain(await _rig.ListAsync("x-initrd.img"), line => line.Contains("boot/", StringComparison.Ordinal));
        Assert.StartsWith("\u001F\u008B", _rig.Text("x-initrd.img"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_of_packages_are_put_together()
    {
        await _rig.BuildAsync("init: ['t/apk1:1', 't/apk2:1']", request => request with { Compression = Compression.None });

        Assert.Contains("one\n\ntwo\n\n", _rig.Text("x-initrd.img"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tar", "x.tar")]
    [InlineData("docker", "x.docker")]
    [InlineData("tar-kernel-initrd", "x-initrd.tar")]
    [InlineData("kernel+initrd,tar-kernel-initrd", "x-initrd.tar")]
    public async Task Other_formats(string formats, string file)
    {
        await _rig.BuildAsync(BuildRig.Yaml, request => request with { Formats = formats.Split(',') });

        var listed = await BuildRig.RunAsync("tar", "-tf", Path.Combine(_rig.Output, file));
        Assert.Contains(file == "x-initrd.tar" ? "initrd.img" : "boot/kernel", listed);
        Assert.Equal(file == "x.docker", listed.Contains("Dockerfile"));
        Assert.Equal(formats.StartsWith("kernel", StringComparison.Ordinal), File.Exists(Path.Combine(_rig.Output, "x-kernel")));
    }

    [Theory]
    [InlineData("iso-bios", "the format iso-bios needs xorriso")]
    [InlineData("kernel+inirtd", "unknown format type kernel+inirtd; did you mean kernel+initrd?")]
    [InlineData("tar,docker", "the format tar has to be the only one")]
    public async Task A_format_that_cannot_be_written_is_refused(string formats, string fault) =>
        Assert.Contains(fault, (await Assert.ThrowsAsync<LinuxKitException>(() => _rig.BuildAsync(BuildRig.Yaml, request => request with { Formats = formats.Split(',') }))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("kernel: {image: 't/init:1'}", "has neither kernel nor bzImage")]
    [InlineData("kernel: {image: 't/kernel:1', binary: other}", "did not find kernel in kernel image: docker.io/t/kernel:1 has no other")]
    [InlineData("kernel: {image: 't/ucode:1'}", "did not find kernel tar in kernel image")]
    [InlineData("kernel: {image: 't/ucode:1', tar: a.cpio}", "a.cpio is no sound tar")]
    [InlineData("kernel: {image: 't/linked:1', tar: none}", "docker.io/t/linked:1: kernel is a link; name the file itself: kernel: {binary: boot/vmlinuz}")]
    [InlineData("kernel: {image: 't/linked:1', tar: none, binary: hard}", "docker.io/t/linked:1: hard is a link; name the file itself: kernel: {binary: boot/vmlinuz}")]
    [InlineData("files: [{path: a, source: /not/there}]", "the source /not/there of a is not there")]
    [InlineData("files: [{path: a, contents: x, uid: nobody}]", "cannot find id: nobody")]
    [InlineData("volumes: [{name: v, image: 't/init:1', platforms: [linux/arm64]}]", "the volume v is for linux/arm64, and linux/amd64 is built for")]
    public async Task What_the_images_do_not_hold_is_told_and_nothing_is_written(string yaml, string fault)
    {
        Assert.Contains(fault, (await Assert.ThrowsAsync<LinuxKitException>(() => _rig.BuildAsync(yaml))).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.Exists(_rig.Output) ? Directory.GetFiles(_rig.Output) : []);
    }

    [Fact]
    public async Task A_dry_run_writes_nothing()
    {
        var result = await _rig.BuildAsync(BuildRig.Yaml, request => request with { DryRun = true });

        Assert.Empty(result.Files);
        Assert.False(Directory.Exists(_rig.Output));
        Assert.Equal(4, result.Images.Count);
    }

    [Theory]
    [InlineData("files: [{path: etc/docker/daemon.json, contents: x}, {path: usr/share/x, contents: x, mode: '0640'}]", "x.yaml:1:9: files make directories less open than images have them, as LinuxKit does: /etc 0700, /usr 0750, /usr/share 0750; with mode: \"0644\" they stay as open as usual")]
    [InlineData("files: [{path: etc/x, contents: x, mode: '0644'}, {path: etc/y, contents: x}, {path: mine/x, contents: x}]", null)]
    [InlineData("files: [{path: etc, directory: true, mode: '0755'}, {path: etc/y, contents: x}]", null)]
    public async Task Files_that_close_a_directory_are_noted_once(string yaml, string? note)
    {
        await _rig.BuildAsync(yaml);

        Assert.Equal(note is null ? [] : [note], _rig.Notes);
    }

    [Fact]
    public async Task A_source_file_is_taken_from_the_current_directory()
    {
        await File.WriteAllTextAsync(_rig.Images.Combine("mine"), "from here", TestContext.Current.CancellationToken);

        await _rig.BuildAsync("files: [{path: a/b, source: mine}, {path: c, source: missing, optional: true}, {path: m, metadata: json}]", request => request with { Compression = Compression.None });

        Assert.Contains("from here", _rig.Text("x-initrd.img"), StringComparison.Ordinal);
        Assert.Equal(["a", "a/b", "m"], (await _rig.ListAsync("x-initrd.img")).Select(line => line.Split(' ')[^1]));
    }

    public void Dispose() => _rig.Dispose();

    [GeneratedRegex("[0-9]+ Apr 18 2017 (?<directory>.*)/[0-9a-f]{64}$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Blob();
}
