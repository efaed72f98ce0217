using CliWrap;
using CliWrap.Buffered;
using VmHost.LinuxKit.Outputs;
using VmHost.TestKit;

namespace VmHost.LinuxKit.Tests;

/// <summary>An image with everything that layers can have, built, and read by other people's programs.</summary>
public sealed class EdgeImageTests : IDisposable
{
    private readonly BuildRig _rig = new();

    public EdgeImageTests()
    {
        var deep = string.Concat(Enumerable.Repeat("a-name-of-a-directory/", 14));
        var lowest = new TestLayer()
            .Directory("./").Directory("etc", 0b111_000_000, uid: 3).File("etc/gone", "x").File("etc/kept", "old").File("etc/resolv.conf", "mine", uid: 9).Directory("empty")
            .Directory("opaque").File("opaque/hidden", "x").Directory("turns").File("turns/old", "x").Directory("deleted").File("deleted/secret", "x")
            .Directory("usr").Directory("usr/bin").File("usr/bin/sh", "SH", 0b111_101_101).Symlink("bin", "usr/bin").HardLink("usr/bin/ash", "usr/bin/sh")
            .File("replaced", "OLD").HardLink("keeps-old", "replaced").HardLink("keeps-old-too", "replaced").File("removed", "REMOVED").HardLink("keeps-removed", "removed")
            .File("setuid", "x", 0b100_111_101_101).File("setgid", "x", 0b010_111_101_101).Directory("sticky", 0b001_111_111_111).Device("null", 1, 3).Fifo("fifo")
            .WithAttribute("capable", "security.capability", "v").File(deep + "file", "x").Symlink("far", new string('t', 300)).File("naïve-größe-日本", "x").File("owned", "x", uid: 70000, gid: 5);
        var second = new TestLayer().File("turns", "a file now").File(".wh.deleted").File("etc/.wh.gone").File("opaque/.wh..wh..opq").File("opaque/shown", "x").File("replaced", "NEW!").File(".wh.removed");
        var top = new TestLayer().Directory("turns").File("turns/new", "x").Directory("deleted").File("deleted/new", "x").File("bin/foo", "FOO", 0b111_101_101).File("etc/kept", "newer").HardLink("second-name", "etc/kept");
        _rig.Images.Add("docker.io/t/edge:1", lowest, second, top);
    }

    [Fact]
    public async Task Cpio_lists_the_tree_that_the_layers_make()
    {
        await _rig.BuildAsync("init: ['t/edge:1']");

        Golden.Matches("linuxkit/tree-edge.txt", await _rig.ListAsync("x-initrd.img"));
    }

    [Fact]
    public async Task Bsdtar_unpacks_what_the_layers_make()
    {
        await _rig.BuildAsync("init: ['t/edge:1']", request => request with { Compression = Compression.None });
        var target = Directory.CreateDirectory(_rig.Images.Combine("unpacked")).FullName;
        await Cli.Wrap("bsdtar").WithArguments(["-xf", Path.Combine(_rig.Output, "x-initrd.img"), "-C", target, "--exclude", "null", "--no-same-owner"])
            .WithEnvironmentVariables(variables => variables.Set("LC_ALL", "C.UTF-8")).ExecuteBufferedAsync(TestContext.Current.CancellationToken);

        Assert.Equal(
            ["OLD", "OLD", "REMOVED", "NEW!", "SH", "SH", "FOO", "newer", "newer"],
            ((string[])["keeps-old", "keeps-old-too", "keeps-removed", "replaced", "bin/sh", "bin/ash", "usr/bin/foo", "etc/kept", "second-name"]).Select(name => File.ReadAllText(Path.Combine(target, name))));
        Assert.Equal(["new"], Directory.GetFileSystemEntries(Path.Combine(target, "turns")).Select(Path.GetFileName));
        Assert.Equal(["new"], Directory.GetFileSystemEntries(Path.Combine(target, "deleted")).Select(Path.GetFileName));
        Assert.Equal(["shown"], Directory.GetFileSystemEntries(Path.Combine(target, "opaque")).Select(Path.GetFileName));
    }

    public void Dispose() => _rig.Dispose();
}
