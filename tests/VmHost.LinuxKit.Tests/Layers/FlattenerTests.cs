using System.Text;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Tests.Layers;

/// <summary>From layers to one tree: whiteouts, order, and layers that mean harm.</summary>
public sealed class FlattenerTests
{
    [Fact]
    public async Task The_edge_cases_of_layers_become_one_tree()
    {
        var lower = new TestLayer()
            .Directory("./").Directory("etc/").File("etc/gone", "x").File("etc/kept", "old").Directory("dir").File("dir/below", "x")
            .Directory("opaque").File("opaque/hidden", "x").File("was-file", "x").File("linked", "content").HardLink("link", "linked")
            .File("setuid", "x", 0b100_111_101_101).Directory("sticky", 0b001_111_111_111).Device("dev-null", 1, 3).Fifo("fifo")
            .WithAttribute("capable", "security.capability", "v").File(string.Concat(Enumerable.Repeat("long-name/", 30)) + "file", "x")
            .Symlink("far", new string('t', 300)).File("naïve/größe-日本", "x").Directory("empty").File("owned", "x", uid: 5, gid: 6, time: DateTimeOffset.FromUnixTimeMilliseconds(-1500));
        var upper = new TestLayer()
            .File("etc/.wh.gone").File("etc/kept", "new").File(".wh.dir").File("opaque/.wh..wh..opq").File("opaque/shown", "x")
            .Directory("was-file").File("was-file/now", "x");
        using var images = new TestImages().Add("docker.io/t/edge:1", lower, upper);

        var entries = new Flattener(await images.LoadAsync("docker.io/t/edge:1"), new()).Entries().Select(Listed.Describe).ToList();

        Assert.Equal(
            [
                "Directory etc 755", "File etc/kept 644 new", "Directory opaque 755", "File opaque/shown 644 x", "Directory was-file 755", "File was-file/now 644 x",
                "Directory . 755", "File linked 644 content", "HardLink link 644 linked", "File setuid 4755 x", "Directory sticky 1777", "CharacterDevice dev-null 666 1:3", "Fifo fifo 666",
                "File capable 755 [SCHILY.xattr.security.capability]",
                .. EntryPath.Ancestors(string.Concat(Enumerable.Repeat("long-name/", 30))).Select(parent => $"Directory {parent} 755"),
                $"File {string.Concat(Enumerable.Repeat("long-name/", 30))}file 644 x", $"Symlink far 777 {new string('t', 300)}",
                "Directory naïve 755", "File naïve/größe-日本 644 x", "Directory empty 755", "File owned 644 x 5:6 -2",
            ],
            entries);
    }

    [Fact]
    public async Task A_parent_that_the_upper_layer_lacks_is_as_the_lower_one_has_it()
    {
        using var images = new TestImages().Add("docker.io/t/parents:1", new TestLayer().Directory("a", 0b111_000_000, uid: 7), new TestLayer().File("a/b", "x"));

        var entries = new Flattener(await images.LoadAsync("docker.io/t/parents:1"), new()).Entries().Select(entry => $"{entry.Name} {entry.Uid}").ToList();

        Assert.Equal(["a 7", "a/b 0"], entries);
    }

    [Fact]
    public async Task Extended_attributes_are_bytes()
    {
        byte[] value = [1, 0, 0, 2, 0x0A, 0x80, 0xFF];
        var tar = TestLayer.WithBinaryAttribute("capable", "security.capability", value);
        using var images = new TestImages().Add("docker.io/t/xattr:1", [], (tar, tar));

        var entries = new Flattener(await images.LoadAsync("docker.io/t/xattr:1"), new()).Entries().Select(entry => (Text: Listed.Describe(entry), entry.Attributes)).ToList();

        Assert.Equal(["File capable 644 content [SCHILY.xattr.security.capability]", "File next 644"], entries.Select(entry => entry.Text));
        Assert.Equal(value, entries[0].Attributes["SCHILY.xattr.security.capability"]);
    }

    [Fact]
    public async Task Metadata_that_would_fill_the_memory_is_refused()
    {
        var tar = TestLayer.WithBinaryAttribute("capable", "user.x", [], padding: 2 << 20);
        using var images = new TestImages().Add("docker.io/t/xattr:1", [], (tar, tar));

        Assert.Contains("bytes of metadata; more than 1048576 are in no honest image", await FaultAsync(images, "docker.io/t/xattr:1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_layer_that_was_damaged_here_is_thrown_away_so_that_pulling_helps()
    {
        using var images = new TestImages().Add("docker.io/t/damaged:1", new TestLayer().File("a", new string('x', 5000)));
        var image = await images.LoadAsync("docker.io/t/damaged:1");
        var bytes = await File.ReadAllBytesAsync(image.Layers[0].Path, TestContext.Current.CancellationToken);
        bytes[^6] ^= 1;
        await File.WriteAllBytesAsync(image.Layers[0].Path, bytes, TestContext.Current.CancellationToken);

        Assert.Contains("it was damaged on this disk, and is thrown away", Assert.Throws<LinuxKitException>(() => new Flattener(image, new()).Entries().Count()).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(image.Layers[0].Path));
    }

    [Fact]
    public async Task Of_entries_with_the_same_name_the_first_counts()
    {
        using var images = new TestImages().Add("docker.io/t/twice:1", new TestLayer().File("a", "one").File("./a", "two").File("a/b", "below a file"));

        Assert.Equal(["File a 644 one"], new Flattener(await images.LoadAsync("docker.io/t/twice:1"), new()).Entries().Select(Listed.Describe));
    }

    [Theory]
    [InlineData("../evil")]
    [InlineData("a/../../evil")]
    [InlineData("/../evil")]
    public async Task What_leads_out_is_refused(string name)
    {
        using var images = new TestImages().Add("docker.io/t/evil:1", new TestLayer().File("good", "x"), new TestLayer().File(name, "x"));

        Assert.Equal($"docker.io/t/evil:1: layer 2 of 2 ({await LayerAsync(images)}): the entry {name} leads out of the image ({name})", await FaultAsync(images, "docker.io/t/evil:1"));
    }

    [Fact]
    public async Task A_hard_link_that_leads_out_is_refused()
    {
        using var images = new TestImages().Add("docker.io/t/evil:1", new TestLayer().HardLink("a", "../../etc/passwd"));

        Assert.Contains("the entry a leads out of the image (../../etc/passwd)", await FaultAsync(images, "docker.io/t/evil:1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Absolute_names_are_names_in_the_image()
    {
        using var images = new TestImages().Add("docker.io/t/absolute:1", new TestLayer().File("/etc/passwd", "x"));

        Assert.Equal(["etc", "etc/passwd"], new Flattener(await images.LoadAsync("docker.io/t/absolute:1"), new()).Entries().Select(entry => entry.Name));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task A_layer_that_is_cut_off_is_refused(string packing)
    {
        var tar = new TestLayer().File("a", new string('x', 100_000)).Tar();
        var stored = packing switch { "gzip" => TestLayer.Gzip(tar), "zstd" => TestLayer.Zstd(tar), _ => tar };
        using var images = new TestImages().Add("docker.io/t/cut:1", [], (stored[..(stored.Length * 2 / 3)], tar));

        var fault = await FaultAsync(images, "docker.io/t/cut:1");

        Assert.StartsWith("docker.io/t/cut:1: layer 1 of 1", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public async Task Every_packing_is_read(string packing)
    {
        var tar = new TestLayer().File("a", "content").Tar();
        var stored = packing switch { "gzip" => TestLayer.Gzip(tar), "zstd" => TestLayer.Zstd(tar), _ => tar };
        using var images = new TestImages().Add("docker.io/t/packed:1", [], (stored, tar));

        Assert.Equal(["File a 644 content"], new Flattener(await images.LoadAsync("docker.io/t/packed:1"), new()).Entries().Select(Listed.Describe));
    }

    [Fact]
    public async Task Content_that_the_image_does_not_promise_is_refused()
    {
        var tar = new TestLayer().File("a", "evil").Tar();
        using var images = new TestImages().Add("docker.io/t/other:1", [], (TestLayer.Gzip(tar), new TestLayer().File("a", "good").Tar()));

        Assert.Contains("its image promises", await FaultAsync(images, "docker.io/t/other:1"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_bomb_is_refused(bool zstd)
    {
        var tar = new TestLayer().File("zeros", new string('\0', 8 << 20)).Tar();
        using var images = new TestImages().Add("docker.io/t/bomb:1", [], (zstd ? TestLayer.Zstd(tar) : TestLayer.Gzip(tar), tar));

        var fault = await FaultAsync(images, "docker.io/t/bomb:1", new() { RatioFrom = 1 << 20, MaxRatio = 100 });
        Assert.Contains("becomes more than 100 times larger", fault, StringComparison.Ordinal);
        Assert.EndsWith("for one that is, vmctl build --max-image-size SIZE lifts this bound", fault, StringComparison.Ordinal);
        Assert.Single(new Flattener(await images.LoadAsync("docker.io/t/bomb:1"), LayerLimits.UpTo(9 << 20) with { RatioFrom = 1 << 20 }).Entries());
        Assert.Contains("larger than 7340032 bytes", await FaultAsync(images, "docker.io/t/bomb:1", LayerLimits.UpTo(7 << 20) with { RatioFrom = 1 << 20 }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_many_entries_bytes_or_names_are_refused()
    {
        var layer = new TestLayer();
        for (var i = 0; i < 200; i++)
            layer.File($"file-{i}", "0123456789");
        using var images = new TestImages().Add("docker.io/t/many:1", layer);

        Assert.Contains("file-100: the image has more than 100 entries", await FaultAsync(images, "docker.io/t/many:1", new() { MaxEntries = 100 }), StringComparison.Ordinal);
        Assert.Contains("file-100: the image becomes larger than 1000 bytes", await FaultAsync(images, "docker.io/t/many:1", new() { MaxImageBytes = 1000 }), StringComparison.Ordinal);
        Assert.Contains("have more than 500 characters together", await FaultAsync(images, "docker.io/t/many:1", new() { MaxNameChars = 500 }), StringComparison.Ordinal);
    }

    // Each costs a reading of its layer from the beginning.
    [Fact]
    public async Task Too_many_hard_links_to_files_that_a_higher_layer_replaces_are_refused()
    {
        var (lower, upper) = (new TestLayer(), new TestLayer());
        for (var i = 0; i < 5; i++)
        {
            lower.File($"old-{i}", "x").HardLink($"link-{i}", $"old-{i}");
            upper.File($"old-{i}", "new");
        }

        using var images = new TestImages().Add("docker.io/t/links:1", lower, upper);

        Assert.Contains("link-4: more than 4 hard links", await FaultAsync(images, "docker.io/t/links:1", new() { MaxCopies = 4 }), StringComparison.Ordinal);
        Assert.Equal(10, new Flattener(await images.LoadAsync("docker.io/t/links:1"), new() { MaxCopies = 5 }).Entries().Count());
    }

    [Fact]
    public async Task Names_that_linux_cannot_hold_are_refused()
    {
        using var images = new TestImages().Add("docker.io/t/names:1", new TestLayer().File(new string('a', 256), "x"));

        Assert.Contains("has a name that Linux cannot hold", await FaultAsync(images, "docker.io/t/names:1"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_no_tar_is_refused()
    {
        var noise = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("this is no tar. ", 200)));
        using var images = new TestImages().Add("docker.io/t/noise:1", [], (noise, noise));

        Assert.Contains("is no sound tar", await FaultAsync(images, "docker.io/t/noise:1"), StringComparison.Ordinal);
    }

    private static async Task<string> LayerAsync(TestImages images) =>
        Descriptor.Short((await images.LoadAsync("docker.io/t/evil:1")).Layers[1].Descriptor.Digest);

    private static async Task<string> FaultAsync(TestImages images, string name, LayerLimits? limits = null)
    {
        var image = await images.LoadAsync(name);
        return Assert.Throws<LinuxKitException>(() =>
        {
            foreach (var entry in new Flattener(image, limits ?? new()).Entries())
                entry.CopyContent(new byte[4096], static _ => { });
        }).Message;
    }
}
