using VmHost.LinuxKit.Outputs;

namespace VmHost.LinuxKit.Tests;

/// <summary>Builds after and beside each other: what is built again, what is left, and what is locked.</summary>
public sealed class RebuildTests : IDisposable
{
    private readonly BuildRig _rig = new();

    [Fact]
    public async Task Two_builds_of_one_name_at_once_leave_one_of_them_whole()
    {
        await _rig.Images.LoadAsync();
        for (var i = 0; i < 5; i++)
        {
            await Task.WhenAll(((string[])["one", "two", "one", "two"]).Select(cmdline => _rig.BuildAsync($"kernel: {{image: 't/kernel:1', cmdline: {cmdline}}}\nfiles: [{{path: which, contents: {cmdline}}}]", request => request with { Compression = Compression.None }, load: false)));

            Assert.Contains(_rig.Text("x-cmdline"), _rig.Text("x-initrd.img"), StringComparison.Ordinal);
            _rig.Said.Clear();
            await _rig.BuildAsync($"kernel: {{image: 't/kernel:1', cmdline: {_rig.Text("x-cmdline")}}}\nfiles: [{{path: which, contents: {_rig.Text("x-cmdline")}}}]", request => request with { Compression = Compression.None, OnlyIfChanged = true }, load: false);
            Assert.DoesNotContain("Create outputs:", _rig.Said);
        }
    }

    [Fact]
    public async Task Builds_beside_each_other_do_not_disturb_each_other()
    {
        await _rig.Images.LoadAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => _rig.BuildAsync(BuildRig.Yaml, request => request with { OutputDirectory = _rig.Images.Combine($"out{i}") }, load: false)));

        var first = await File.ReadAllBytesAsync(_rig.Images.Combine("out0/x-initrd.img"), TestContext.Current.CancellationToken);
        for (var i = 1; i < 8; i++)
            Assert.Equal(first, await File.ReadAllBytesAsync(_rig.Images.Combine($"out{i}/x-initrd.img"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Files_of_somebody_else_are_not_removed()
    {
        Directory.CreateDirectory(_rig.Output);
        await File.WriteAllTextAsync(Path.Combine(_rig.Output, "x-kernel"), "mine", TestContext.Current.CancellationToken);

        await _rig.BuildAsync("init: ['t/init:1']");
        Assert.Equal("mine", _rig.Text("x-kernel"));
        var refused = await Assert.ThrowsAsync<LinuxKitException>(() => _rig.BuildAsync("kernel: {image: 't/kernel2017:1'}"));
        Assert.Contains("a machine would take it, and not x-bzImage", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_built_any_more_is_gone()
    {
        await _rig.BuildAsync(BuildRig.Yaml + "\noutputs: [{format: kernel+initrd}]");
        await _rig.BuildAsync("kernel: {image: 't/kernel:1'}");

        Assert.Equal([".x.build", "x-initrd.img", "x-kernel"], Directory.GetFiles(_rig.Output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_build_that_fails_leaves_the_last_one_as_it_was()
    {
        await _rig.BuildAsync(BuildRig.Yaml);
        await Assert.ThrowsAsync<LinuxKitException>(() => _rig.BuildAsync(BuildRig.Yaml.Replace("t/kernel:1\"", "t/ucode:1\", tar: a.cpio", StringComparison.Ordinal)));

        Assert.Equal("KERNEL", _rig.Text("x-kernel"));
        Assert.Equal(4, Directory.GetFiles(_rig.Output).Length); // with the stamp
    }

    [Fact]
    public async Task What_did_not_change_is_not_built_again()
    {
        static BuildRequest OnlyIfChanged(BuildRequest request) => request with { OnlyIfChanged = true };
        var source = _rig.Images.Combine("mine");
        await File.WriteAllTextAsync(source, "one", TestContext.Current.CancellationToken);
        var yaml = BuildRig.Yaml.Replace("uid: two}]", "uid: two}, {path: mine, source: mine}]", StringComparison.Ordinal);
        Assert.Equal(3, (await _rig.BuildAsync(yaml, OnlyIfChanged)).Files.Count);

        await ExpectAsync(yaml, built: false);
        await File.WriteAllTextAsync(source, "two", TestContext.Current.CancellationToken);
        await ExpectAsync(yaml, built: true);
        await ExpectAsync(yaml.Replace("hello", "bye", StringComparison.Ordinal), built: true);
        File.Delete(Path.Combine(_rig.Output, "x-initrd.img"));
        await ExpectAsync(yaml.Replace("hello", "bye", StringComparison.Ordinal), built: true);
        _rig.Images.Add("docker.io/t/other:1", new TestLayer().File("changed"));
        await ExpectAsync(yaml.Replace("hello", "bye", StringComparison.Ordinal), built: true);
        await ExpectAsync(yaml.Replace("hello", "bye", StringComparison.Ordinal), built: false);

        async Task ExpectAsync(string text, bool built)
        {
            _rig.Said.Clear();
            Assert.Equal(3, (await _rig.BuildAsync(text, OnlyIfChanged)).Files.Count);
            Assert.Equal(built, _rig.Said.Contains("Create outputs:"));
        }
    }

    [Fact]
    public async Task Only_what_killed_builds_left_is_removed()
    {
        Directory.CreateDirectory(_rig.Output);
        string[] mine = [".xrc.new", ".x-other.0123456789abcdef0123456789abcdef.new", ".x-initrd.img.new", ".build.mine.new", ".xy-kernel.0123456789abcdef0123456789abcdef.new"];
        string[] left = [".x-initrd.img.0123456789abcdef0123456789abcdef.new", ".build.0123456789abcdef0123456789abcdef.new"];
        foreach (var file in mine.Concat(left))
            await File.WriteAllTextAsync(Path.Combine(_rig.Output, file), "", TestContext.Current.CancellationToken);

        await _rig.BuildAsync(BuildRig.Yaml);

        Assert.Equal(mine.Order(StringComparer.Ordinal), Directory.GetFiles(_rig.Output, "*.new").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_lock_file_is_obeyed()
    {
        var path = _rig.Images.Combine("x.lock.json");
        await _rig.BuildAsync(BuildRig.Yaml, request => request with { LockPath = path });
        await _rig.BuildAsync(BuildRig.Yaml, request => request with { LockPath = path, Locked = true });

        var other = BuildRig.Yaml.Replace("t/other:1", "t/apk1:1", StringComparison.Ordinal);
        Assert.Contains("does not have docker.io/t/apk1:1", (await Assert.ThrowsAsync<LinuxKitException>(() => _rig.BuildAsync(other, request => request with { LockPath = path, Locked = true }))).Message, StringComparison.Ordinal);

        // The tag points to something else now: what is locked is not here, and the registry of the test is no one.
        _rig.Images.Add("docker.io/t/other:1", new TestLayer().File("changed"));
        var moved = await Assert.ThrowsAsync<LinuxKitException>(() => _rig.BuildAsync(BuildRig.Yaml, request => request with { LockPath = path, Locked = true, Mirrors = ["http://127.0.0.1:1"] }));
        Assert.Contains("cannot pull docker.io/t/other:1@sha256:", moved.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Builds_at_once_that_look_whether_anything_changed_do_not_disturb_each_other()
    {
        await _rig.Images.LoadAsync();
        for (var i = 0; i < 25; i++)
        {
            var yaml = $"kernel: {{image: 't/kernel:1', cmdline: c{i}}}";

            await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => _rig.BuildAsync(yaml, request => request with { OnlyIfChanged = true }, load: false))));

            Assert.Equal($"c{i}", _rig.Text("x-cmdline"));
        }
    }

    public void Dispose() => _rig.Dispose();
}
