namespace VmHost.LinuxKit.Tests.Layers;

/// <summary>What layers make of each other: the tree that unpacking one onto the other would make.</summary>
public sealed class LayerTreeTests
{
    [Fact]
    public async Task A_directory_that_was_deleted_and_made_again_began_empty() =>
        Assert.Equal(
            ["Directory d 755", "File d/y 644 y"],
            await Listed.OfAsync(new TestLayer().Directory("d").File("d/secret", "s"), new TestLayer().File(".wh.d"), new TestLayer().Directory("d").File("d/y", "y")));

    [Fact]
    public async Task A_directory_that_was_a_file_in_between_began_empty() =>
        Assert.Equal(
            ["Directory d 755", "File d/y 644 y"],
            await Listed.OfAsync(new TestLayer().Directory("d").File("d/x", "x"), new TestLayer().File("d", "file"), new TestLayer().Directory("d").File("d/y", "y")));

    [Fact]
    public async Task A_directory_that_no_layer_made_again_began_empty_and_with_nothing_of_the_old() =>
        Assert.Equal(
            ["Directory d 755", "File d/y 644 y"],
            await Listed.OfAsync(new TestLayer().Directory("d", 0b111_000_000, uid: 7).File("d/x", "x"), new TestLayer().File(".wh.d"), new TestLayer().File("d/y", "y")));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_whiteout_hides_nothing_in_its_own_layer(bool first)
    {
        var upper = new TestLayer();
        if (first)
            upper.File(".wh.w");
        upper.Directory("w").File("w/new", "n");
        if (!first)
            upper.File(".wh.w");

        Assert.Equal(["Directory w 755", "File w/new 644 n"], await Listed.OfAsync(new TestLayer().Directory("w").File("w/old", "o"), upper));
    }

    [Fact]
    public async Task An_entry_goes_where_a_link_of_a_lower_layer_leads() =>
        Assert.Equal(
            ["Directory usr 755", "Directory usr/bin 755", "File usr/bin/foo 644 FOO", "HardLink usr/bin/foo2 644 usr/bin/foo", "Symlink bin 777 usr/bin"],
            await Listed.OfAsync(
                new TestLayer().Directory("usr").Directory("usr/bin").File("usr/bin/sh", "SH").Symlink("bin", "usr/bin"),
                new TestLayer().File("bin/foo", "FOO").HardLink("bin/foo2", "bin/foo").File("bin/.wh.sh")));

    [Fact]
    public async Task A_link_stays_replaced_by_a_directory() =>
        Assert.Equal(
            ["Directory bin 755", "File bin/foo 644 FOO", "Directory usr 755", "File usr/sh 644 SH"],
            await Listed.OfAsync(new TestLayer().Directory("usr").File("usr/sh", "SH").Symlink("bin", "usr"), new TestLayer().Directory("bin").File("bin/foo", "FOO")));

    [Fact]
    public async Task A_link_that_was_deleted_leads_nowhere() =>
        Assert.Equal(
            ["Directory bin 755", "File bin/foo 644 FOO", "Directory usr 755"],
            await Listed.OfAsync(new TestLayer().Directory("usr").Symlink("bin", "usr"), new TestLayer().File(".wh.bin").File("bin/foo", "FOO")));

    [Fact]
    public async Task What_a_link_led_to_stays_where_it_is_when_the_link_is_gone() =>
        Assert.Equal(
            ["Directory usr 755", "File usr/foo 644 FOO"],
            await Listed.OfAsync(new TestLayer().Directory("usr").Symlink("bin", "usr"), new TestLayer().File("bin/foo", "FOO"), new TestLayer().File(".wh.bin")));

    [Theory]
    [InlineData("/", "passwd")]
    [InlineData("../../..", "passwd")]
    [InlineData("/a/b", "a/b/passwd")]
    [InlineData("a/../../b/./c", "b/c/passwd")]
    [InlineData("other", "x/y/passwd")]
    public async Task A_link_leads_nowhere_but_into_the_image(string target, string expected)
    {
        var entries = await Listed.OfAsync(new TestLayer().Symlink("out", target).Symlink("other", "/x/y"), new TestLayer().File("out/passwd", "x"));

        Assert.Equal($"File {expected} 644 x", entries.Single(entry => entry.StartsWith("File", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Links_that_lead_in_a_circle_are_refused() =>
        Assert.Matches(
            @"^docker.io/t/layers:1: layer 2 of 2 \([0-9a-f]{12}\): a/x: more than 40 symbolic links lead there, one to the next; they lead in a circle at [ab]$",
            (await Assert.ThrowsAsync<LinuxKitException>(() => Listed.OfAsync(new TestLayer().Symlink("a", "b").Symlink("b", "a"), new TestLayer().File("a/x", "x")))).Message);

    [Fact]
    public async Task Links_that_make_a_name_longer_than_linux_holds_are_refused()
    {
        var deep = string.Join('/', Enumerable.Repeat(new string('d', 250), 16));

        Assert.Contains(
            "links lead to a name of more than 4095 bytes",
            (await Assert.ThrowsAsync<LinuxKitException>(() => Listed.OfAsync(new TestLayer().Symlink("a", deep), new TestLayer().File("a/" + new string('x', 200), "x")))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hard_link_keeps_the_content_that_it_had() =>
        Assert.Equal(
            ["File a 644 NEW", "File b 644 OLD", "HardLink b2 644 b", "HardLink b3 644 b2", "File d 644 C"],
            await Listed.OfAsync(
                new TestLayer().File("a", "OLD").HardLink("b", "a").HardLink("b2", "a").HardLink("b3", "b2").File("c", "C").HardLink("d", "c"),
                new TestLayer().File("a", "NEW").File(".wh.c")));

    [Fact]
    public async Task A_hard_link_to_a_file_of_a_lower_layer_keeps_its_content() =>
        Assert.Equal(
            ["Directory e 755", "File b 644 OLD", "HardLink kept 644 z"],
            (await Listed.OfAsync(
                new TestLayer().Directory("e").File("e/a", "OLD").HardLink("e/again", "e/a").File("z", "Z"),
                new TestLayer().HardLink("b", "e/again").HardLink("kept", "z"),
                new TestLayer().File("e/.wh..wh..opq").Directory("e"))).Where(entry => !entry.EndsWith(" Z", StringComparison.Ordinal)));

    [Fact]
    public async Task A_hard_link_to_what_no_layer_has_any_more_is_refused() =>
        Assert.Contains(
            "b is a hard link to a, which is in no layer below",
            (await Assert.ThrowsAsync<LinuxKitException>(() => Listed.OfAsync(new TestLayer().HardLink("b", "a"), new TestLayer().File("a", "NEW")))).Message,
            StringComparison.Ordinal);

    [Fact]
    public async Task Layers_without_end_are_refused()
    {
        using var images = new TestImages().Add("docker.io/t/layers:1", Enumerable.Range(0, 501).Select(i => new TestLayer().File($"f{i}")).ToArray());
        var image = await images.LoadAsync("docker.io/t/layers:1");

        Assert.Equal(
            "docker.io/t/layers:1 has 501 layers; more than 500 are in no honest image",
            Assert.Throws<LinuxKitException>(() => new VmHost.LinuxKit.Layers.Flattener(image, new()).Entries().Count()).Message);
    }
}
