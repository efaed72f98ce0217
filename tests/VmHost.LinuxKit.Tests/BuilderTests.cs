using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Outputs;
using VmHost.TestKit;

namespace VmHost.LinuxKit.Tests;

/// <summary>From YAML and images to files.</summary>
public sealed partial class BuilderTests : IDisposable
{
    private const string Yaml = """
        kernel: {image: "t/kernel:1", cmdline: "console=ttyS0"}
        init: ["t/init:1"]
        onboot: [{name: setup, image: "t/tool:1", readonly: true}]
        services:
        - {name: one, image: "t/tool:1"}
        - {name: two, image: "t/other:1"}
        files: [{path: etc/x/y, contents: hello, mode: "0640", uid: two}]
        """;

    private readonly TestImages _images = new TestImages()
        .Add("docker.io/t/kernel:1", new TestLayer().File("kernel", "KERNEL").File("kernel.tar", Encoding.Latin1.GetString(new TestLayer().Directory("lib/").Directory("lib/modules/").File("lib/modules/a.ko", "ko").Tar())))
        .Add("docker.io/t/kernel2017:1", new TestLayer().File("bzImage", "OLD").File("kernel.tar", Encoding.Latin1.GetString(new TestLayer().Tar())))
        .Add("docker.io/t/ucode:1", new TestLayer().File("a.cpio", "UCODE").File("kernel", "KERNEL"))
        .Add("docker.io/t/init:1", new TestLayer().File("init", "#!", 0b111_101_101).Directory("etc").File("etc/hostname", "x").Symlink("etc/resolv.conf", "/x"))
        .Add("docker.io/t/tool:1", new JsonObject { ["Entrypoint"] = new JsonArray("/tool"), ["Cmd"] = new JsonArray("arg") }, new TestLayer().File("tool", "t").HardLink("tool2", "tool").Symlink("etc/hosts", "/evil"))
        .Add("docker.io/t/other:1", new JsonObject { ["Cmd"] = new JsonArray("/other") }, new TestLayer().File("other", "o"))
        .Add("docker.io/t/apk1:1", new TestLayer().File("lib/apk/db/installed", "one"))
        .Add("docker.io/t/apk2:1", new TestLayer().File("lib/apk/db/installed", "two"));

    private readonly List<string> _said = [];

    private string Output => _images.Combine("out");

    [Fact]
    public async Task Todays_layout()
    {
        var result = await BuildAsync(Yaml);

        Assert.Equal(["x-kernel", "x-initrd.img", "x-cmdline"], result.Files.Select(Path.GetFileName));
        Assert.Equal("KERNEL", Text("x-kernel"));
        Assert.Equal("console=ttyS0", Text("x-cmdline"));
        Golden.Matches("linuxkit/tree-today.txt", await ListAsync("x-initrd.img"));
        Assert.Equal(
            [
                "Extract kernel image: t/kernel:1", "Add init containers:", "Process init image: t/init:1", "Add onboot containers:", "  Create OCI config for t/tool:1",
                "Add service containers:", "  Create OCI config for t/tool:1", "  Create OCI config for t/other:1", "Add files:", "  etc/x/y", "Create outputs:", "  x-kernel x-initrd.img x-cmdline",
            ],
            _said);
    }

    [Fact]
    public async Task The_layout_of_2017()
    {
        var result = await BuildAsync(Yaml + "\noutputs: [{format: kernel+initrd}]");

        Assert.Equal(Layout.Year2017, result.Layout);
        Assert.Equal(["x-bzImage", "x-initrd.img", "x-cmdline"], result.Files.Select(Path.GetFileName));
        Golden.Matches("linuxkit/tree-2017.txt", await ListAsync("x-initrd.img"));
    }

    [Theory]
    [InlineData("t/kernel2017:1", Layout.Auto, Layout.Year2017)]
    [InlineData("t/kernel2017:1", Layout.Today, Layout.Today)]
    [InlineData("t/kernel:1", Layout.Auto, Layout.Today)]
    [InlineData("t/kernel:1", Layout.Year2017, Layout.Year2017)]
    public async Task The_kernels_image_decides_the_layout(string kernel, Layout asked, Layout chosen) =>
        Assert.Equal(chosen, (await BuildAsync($"kernel: {{image: '{kernel}'}}", request => request with { Layout = asked })).Layout);

    [Fact]
    public async Task The_same_inputs_give_the_same_bytes()
    {
        var first = await BytesAsync(request => request with { Threads = 1 });

        foreach (var threads in new[] { 1, 2, 5 })
            Assert.Equal(first, await BytesAsync(request => request with { Threads = threads }));

        async Task<byte[]> BytesAsync(Func<BuildRequest, BuildRequest> change)
        {
            await BuildAsync(Yaml, change);
            return await File.ReadAllBytesAsync(Path.Combine(Output, "x-initrd.img"), TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Builds_beside_each_other_do_not_disturb_each_other()
    {
        await _images.LoadAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => BuildAsync(Yaml, request => request with { OutputDirectory = _images.Combine($"out{i}") }, load: false)));

        var first = await File.ReadAllBytesAsync(_images.Combine("out0/x-initrd.img"), TestContext.Current.CancellationToken);
        for (var i = 1; i < 8; i++)
            Assert.Equal(first, await File.ReadAllBytesAsync(_images.Combine($"out{i}/x-initrd.img"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Microcode_comes_first_and_unpacked()
    {
        await BuildAsync("kernel: {image: 't/ucode:1', tar: none, ucode: a.cpio}\ninit: ['t/init:1']");

        var bytes = await File.ReadAllBytesAsync(Path.Combine(Output, "x-initrd.img"), TestContext.Current.CancellationToken);
        Assert.Equal("UCODE"u8.ToArray(), bytes[..5]);
        Assert.Equal([0x1F, 0x8B], bytes[5..7]);
    }

    [Fact]
    public async Task Every_compression_holds_the_same()
    {
        await BuildAsync(Yaml, request => request with { Compression = Compression.None });
        var plain = await File.ReadAllBytesAsync(Path.Combine(Output, "x-initrd.img"), TestContext.Current.CancellationToken);
        await BuildAsync(Yaml, request => request with { Compression = Compression.Zstd });

        using var unpacked = new MemoryStream();
        await using var zstd = new ZstdSharp.DecompressionStream(File.OpenRead(Path.Combine(Output, "x-initrd.img")), leaveOpen: false);
        await zstd.CopyToAsync(unpacked, TestContext.Current.CancellationToken);
        Assert.Equal(plain, unpacked.ToArray());
        Assert.Equal(0, plain.Length % 512);
    }

    [Fact]
    public async Task In_a_tar_microcode_stands_by_itself()
    {
        await BuildAsync("kernel: {image: 't/ucode:1', tar: none, ucode: a.cpio}\ninit: ['t/init:1']", request => request with { Formats = ["kernel+initrd", "tar-kernel-initrd"] });

        Assert.Equal(["kernel", "initrd.img", "ucode.cpio"], await RunAsync("tar", "-tf", Path.Combine(Output, "x-initrd.tar")));
        Assert.StartsWith("UCODE", Text("x-initrd.img"), StringComparison.Ordinal);
        await RunAsync("tar", "-xf", Path.Combine(Output, "x-initrd.tar"), "-C", Output, "initrd.img");
        Assert.StartsWith("\u001F\u008B", Text("initrd.img"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Volumes_are_empty_or_hold_an_image_or_its_layout()
    {
        await BuildAsync("volumes: [{name: empty}, {name: full, image: 't/other:1'}, {name: layout, image: 't/other:1', format: oci}]", request => request with { Compression = Compression.None });

        // The framework's tar writer puts its process's number into the test's layers, so that each run has other blobs.
        Golden.Matches("linuxkit/tree-volumes.txt", (await ListAsync("x-initrd.img")).Select(line => Blob().Replace(line, "SIZE Apr 18 2017 ${directory}/DIGEST")));
        await RunAsync("bash", "-c", $"cd '{Output}' && cpio -id --quiet --no-absolute-filenames <x-initrd.img");
        var blobs = Directory.GetFiles(Path.Combine(Output, "containers/volumes/layout/lower/blobs/sha256"));
        Assert.Equal(3, blobs.Length);
        Assert.All(blobs, blob => Assert.Equal($"sha256:{Path.GetFileName(blob)}", TestImages.Digest(File.ReadAllBytes(blob))));
        Assert.Contains("\"docker.io/t/other:1\"", await File.ReadAllTextAsync(Path.Combine(Output, "containers/volumes/layout/lower/index.json"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_builds_of_one_name_at_once_leave_one_of_them_whole()
    {
        await _images.LoadAsync();
        for (var i = 0; i < 5; i++)
        {
            await Task.WhenAll(((string[])["one", "two", "one", "two"]).Select(cmdline => BuildAsync($"kernel: {{image: 't/kernel:1', cmdline: {cmdline}}}\nfiles: [{{path: which, contents: {cmdline}}}]", request => request with { Compression = Compression.None }, load: false)));

            Assert.Contains(Text("x-cmdline"), Text("x-initrd.img"), StringComparison.Ordinal);
            _said.Clear();
            await BuildAsync($"kernel: {{image: 't/kernel:1', cmdline: {Text("x-cmdline")}}}\nfiles: [{{path: which, contents: {Text("x-cmdline")}}}]", request => request with { Compression = Compression.None, OnlyIfChanged = true }, load: false);
            Assert.DoesNotContain("Create outputs:", _said);
        }
    }

    [Fact]
    public async Task Files_of_somebody_else_are_not_removed()
    {
        Directory.CreateDirectory(Output);
        await File.WriteAllTextAsync(Path.Combine(Output, "x-kernel"), "mine", TestContext.Current.CancellationToken);

        await BuildAsync("init: ['t/init:1']");
        Assert.Equal("mine", Text("x-kernel"));
        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => BuildAsync("kernel: {image: 't/kernel2017:1'}"));
        Assert.Contains("a machine would take it, and not x-bzImage", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_of_packages_are_put_together()
    {
        await BuildAsync("init: ['t/apk1:1', 't/apk2:1']", request => request with { Compression = Compression.None });

        Assert.Contains("one\n\ntwo\n\n", Text("x-initrd.img"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_built_any_more_is_gone()
    {
        await BuildAsync(Yaml + "\noutputs: [{format: kernel+initrd}]");
        await BuildAsync("kernel: {image: 't/kernel:1'}");

        Assert.Equal([".x.build", "x-initrd.img", "x-kernel"], Directory.GetFiles(Output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("tar", "x.tar")]
    [InlineData("docker", "x.docker")]
    [InlineData("tar-kernel-initrd", "x-initrd.tar")]
    [InlineData("kernel+initrd,tar-kernel-initrd", "x-initrd.tar")]
    public async Task Other_formats(string formats, string file)
    {
        await BuildAsync(Yaml, request => request with { Formats = formats.Split(',') });

        var listed = await RunAsync("tar", "-tf", Path.Combine(Output, file));
        Assert.Contains(file == "x-initrd.tar" ? "initrd.img" : "boot/kernel", listed);
        Assert.Equal(file == "x.docker", listed.Contains("Dockerfile"));
        Assert.Equal(formats.StartsWith("kernel", StringComparison.Ordinal), File.Exists(Path.Combine(Output, "x-kernel")));
    }

    [Theory]
    [InlineData("iso-bios", "the format iso-bios needs xorriso")]
    [InlineData("kernel+inirtd", "unknown format type kernel+inirtd; did you mean kernel+initrd?")]
    [InlineData("tar,docker", "the format tar has to be the only one")]
    public async Task A_format_that_cannot_be_written_is_refused(string formats, string fault) =>
        Assert.Contains(fault, (await Assert.ThrowsAsync<LinuxKitException>(() => BuildAsync(Yaml, request => request with { Formats = formats.Split(',') }))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("kernel: {image: 't/init:1'}", "has neither kernel nor bzImage")]
    [InlineData("kernel: {image: 't/kernel:1', binary: other}", "did not find kernel in kernel image: docker.io/t/kernel:1 has no other")]
    [InlineData("kernel: {image: 't/ucode:1'}", "did not find kernel tar in kernel image")]
    [InlineData("kernel: {image: 't/ucode:1', tar: a.cpio}", "a.cpio is no sound tar")]
    [InlineData("files: [{path: a, source: /not/there}]", "the source /not/there of a is not there")]
    [InlineData("files: [{path: a, contents: x, uid: nobody}]", "cannot find id: nobody")]
    [InlineData("volumes: [{name: v, image: 't/init:1', platforms: [linux/arm64]}]", "the volume v is for linux/arm64, and linux/amd64 is built for")]
    public async Task What_the_images_do_not_hold_is_told_and_nothing_is_written(string yaml, string fault)
    {
        Assert.Contains(fault, (await Assert.ThrowsAsync<LinuxKitException>(() => BuildAsync(yaml))).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.Exists(Output) ? Directory.GetFiles(Output) : []);
    }

    [Fact]
    public async Task A_build_that_fails_leaves_the_last_one_as_it_was()
    {
        await BuildAsync(Yaml);
        await Assert.ThrowsAsync<LinuxKitException>(() => BuildAsync(Yaml.Replace("t/kernel:1\"", "t/ucode:1\", tar: a.cpio", StringComparison.Ordinal)));

        Assert.Equal("KERNEL", Text("x-kernel"));
        Assert.Equal(4, Directory.GetFiles(Output).Length); // with the stamp
    }

    [Fact]
    public async Task What_did_not_change_is_not_built_again()
    {
        static BuildRequest OnlyIfChanged(BuildRequest request) => request with { OnlyIfChanged = true };
        var source = _images.Combine("mine");
        await File.WriteAllTextAsync(source, "one", TestContext.Current.CancellationToken);
        var yaml = Yaml.Replace("uid: two}]", "uid: two}, {path: mine, source: mine}]", StringComparison.Ordinal);
        Assert.Equal(3, (await BuildAsync(yaml, OnlyIfChanged)).Files.Count);

        await ExpectAsync(yaml, built: false);
        await File.WriteAllTextAsync(source, "two", TestContext.Current.CancellationToken);
        await ExpectAsync(yaml, built: true);
        await ExpectAsync(yaml.Replace("hello", "bye", StringComparison.Ordinal), built: true);
        File.Delete(Path.Combine(Output, "x-initrd.img"));
        await ExpectAsync(yaml.Replace("hello", "bye", StringComparison.Ordinal), built: true);
        _images.Add("docker.io/t/other:1", new TestLayer().File("changed"));
        await ExpectAsync(yaml.Replace("hello", "bye", StringComparison.Ordinal), built: true);
        await ExpectAsync(yaml.Replace("hello", "bye", StringComparison.Ordinal), built: false);

        async Task ExpectAsync(string text, bool built)
        {
            _said.Clear();
            Assert.Equal(3, (await BuildAsync(text, OnlyIfChanged)).Files.Count);
            Assert.Equal(built, _said.Contains("Create outputs:"));
        }
    }

    [Fact]
    public async Task Only_what_killed_builds_left_is_removed()
    {
        Directory.CreateDirectory(Output);
        string[] mine = [".xrc.new", ".x-other.0123456789abcdef0123456789abcdef.new", ".x-initrd.img.new", ".build.mine.new", ".xy-kernel.0123456789abcdef0123456789abcdef.new"];
        string[] left = [".x-initrd.img.0123456789abcdef0123456789abcdef.new", ".build.0123456789abcdef0123456789abcdef.new"];
        foreach (var file in mine.Concat(left))
            await File.WriteAllTextAsync(Path.Combine(Output, file), "", TestContext.Current.CancellationToken);

        await BuildAsync(Yaml);

        Assert.Equal(mine.Order(StringComparer.Ordinal), Directory.GetFiles(Output, "*.new").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_dry_run_writes_nothing()
    {
        var result = await BuildAsync(Yaml, request => request with { DryRun = true });

        Assert.Empty(result.Files);
        Assert.False(Directory.Exists(Output));
        Assert.Equal(4, result.Images.Count);
    }

    [Fact]
    public async Task A_lock_file_is_obeyed()
    {
        var path = _images.Combine("x.lock.json");
        await BuildAsync(Yaml, request => request with { LockPath = path });
        await BuildAsync(Yaml, request => request with { LockPath = path, Locked = true });

        var other = Yaml.Replace("t/other:1", "t/apk1:1", StringComparison.Ordinal);
        Assert.Contains("does not have docker.io/t/apk1:1", (await Assert.ThrowsAsync<LinuxKitException>(() => BuildAsync(other, request => request with { LockPath = path, Locked = true }))).Message, StringComparison.Ordinal);

        // The tag points to something else now: what is locked is not here, and the registry of the test is no one.
        _images.Add("docker.io/t/other:1", new TestLayer().File("changed"));
        var moved = await Assert.ThrowsAsync<LinuxKitException>(() => BuildAsync(Yaml, request => request with { LockPath = path, Locked = true, Mirrors = ["http://127.0.0.1:1"] }));
        Assert.Contains("cannot pull docker.io/t/other:1@sha256:", moved.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_file_is_taken_from_the_current_directory()
    {
        await File.WriteAllTextAsync(_images.Combine("mine"), "from here", TestContext.Current.CancellationToken);

        await BuildAsync("files: [{path: a/b, source: mine}, {path: c, source: missing, optional: true}, {path: m, metadata: json}]", request => request with { Compression = Compression.None });

        Assert.Contains("from here", Text("x-initrd.img"), StringComparison.Ordinal);
        Assert.Equal(["a", "a/b", "m"], (await ListAsync("x-initrd.img")).Select(line => line.Split(' ')[^1]));
    }

    public void Dispose() => _images.Dispose();

    private async Task<BuildResult> BuildAsync(string yaml, Func<BuildRequest, BuildRequest>? change = null, bool load = true)
    {
        if (load)
            await _images.LoadAsync();
        var request = new BuildRequest
        {
            Texts = [("x.yaml", yaml)],
            Name = "x",
            OutputDirectory = Output,
            Architecture = "amd64",
            StoreDirectory = _images.StoreDirectory,
            WorkingDirectory = _images.Combine("."),
            Home = "/",
        };
        return await new ImageBuilder(new Listener(_said)).BuildAsync(change is null ? request : change(request), CancellationToken.None);
    }

    private string Text(string file) => Encoding.Latin1.GetString(File.ReadAllBytes(Path.Combine(Output, file)));

    private async Task<IReadOnlyList<string>> ListAsync(string file)
    {
        var path = Path.Combine(Output, file);
        var plain = _images.Combine("plain.cpio");
        await using (var source = File.OpenRead(path))
        await using (var target = File.Create(plain))
        {
            await using var unpacked = source.ReadByte() == 0x1F ? new GZipStream(source, CompressionMode.Decompress) : (Stream)source;
            source.Position = 0;
            await unpacked.CopyToAsync(target, TestContext.Current.CancellationToken);
        }

        return [.. (await RunAsync("cpio", "-itv", "--numeric-uid-gid", "--quiet", "-F", plain)).Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];
    }

    private static async Task<IReadOnlyList<string>> RunAsync(string program, params IReadOnlyList<string> arguments)
    {
        var result = await Cli.Wrap(program).WithArguments(arguments).WithEnvironmentVariables(variables => variables.Set("LC_ALL", "C.UTF-8").Set("TZ", "UTC")).ExecuteBufferedAsync(TestContext.Current.CancellationToken);
        return result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [GeneratedRegex("[0-9]+ Apr 18 2017 (?<directory>.*)/[0-9a-f]{64}$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Blob();

    private sealed class Listener(List<string> said) : IBuildProgress
    {
        public void Doing(string text)
        {
            lock (said)
                said.Add(text);
        }

        public void Note(string text)
        {
        }

        public void Pulled(PulledBlob blob)
        {
        }
    }
}
