using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Tests.Layers;

/// <summary>Headers that the framework's reader cannot take, or would take for something else.</summary>
public sealed class TarMetadataTests
{
    [Fact]
    public async Task Records_may_have_line_breaks_and_keys_that_nobody_knows() =>
        Assert.Equal(
            ["File plain 644 a", "File d\n/x\ny 644 b", "Symlink link 644 to\nthere"],
            (await Listed.OfAsync(new RawTar()
                .Records(("comment", "one\ntwo"u8.ToArray()), ("VENDOR.key", [0xFF, 0x0A, 0x00])).Entry("plain", '0', "a")
                .Records("path", "d\n/x\ny").Entry("short", '0', "b")
                .Records("linkpath", "to\nthere").Entry("link", '2')
                .Bytes())).Where(entry => !entry.StartsWith("Directory", StringComparison.Ordinal)));

    [Fact]
    public async Task Owners_have_32_bits()
    {
        var tar = new RawTar().Records(("uid", "3000000000"u8.ToArray()), ("gid", "4294967295"u8.ToArray()), ("mtime", "-1.5"u8.ToArray())).Entry("a", '0').Bytes();
        using var images = new TestImages().Add("docker.io/t/owners:1", [], (tar, tar));

        var entry = new Flattener(await images.LoadAsync("docker.io/t/owners:1"), new()).Entries().Single();

        Assert.Equal((3_000_000_000, 4_294_967_295, -2), (entry.Uid, entry.Gid, entry.Time));
        Assert.Contains("a belongs to the user or group 4294967296; Linux knows numbers up to 4294967295", await FaultAsync(new RawTar().Records("uid", "4294967296").Entry("a", '0').Bytes()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_has_no_content_whatever_its_size_says() =>
        Assert.Equal(["Directory d 644", "File d/f 644 f"], await Listed.OfAsync(new RawTar().Header("d/"u8.ToArray(), '5', 4096).Entry("d/f", '0', "f").Bytes()));

    [Fact]
    public async Task A_record_with_an_empty_value_takes_nothing_away() =>
        Assert.Equal(["File a 644 x"], await Listed.OfAsync(new RawTar().Records("path", "").Entry("a", '0', "x").Bytes()));

    [Fact]
    public async Task Of_several_extended_headers_in_a_row_the_last_counts() =>
        Assert.Equal(
            ["File a 644 x [SCHILY.xattr.user.two]"],
            await Listed.OfAsync(new RawTar().Records("SCHILY.xattr.user.one", "1").Records("SCHILY.xattr.user.two", "2").Entry("a", '0', "x").Bytes()));

    [Theory]
    [InlineData("GNU.sparse.major")]
    [InlineData("GNU.sparse.map")]
    public async Task A_sparse_file_is_refused(string key) =>
        Assert.EndsWith(
            ": real/name is a sparse file, kept in pieces; make the layer without tar's --sparse",
            await FaultAsync(new RawTar().Records((key, "1"u8.ToArray()), ("GNU.sparse.name", "real/name"u8.ToArray())).Entry("GNUSparseFile.0/name", '0', "x").Bytes()),
            StringComparison.Ordinal);

    [Fact]
    public async Task Names_that_are_no_text_are_refused_and_do_not_become_one()
    {
        Assert.Matches(
            @"^docker.io/t/x:1: layer 1 of 1 \([0-9a-f]{12}\): the entry n/a\\xe9 has a name or a target that is no UTF-8; rename it in the image$",
            await FaultAsync(new RawTar().Entry([(byte)'n', (byte)'/', (byte)'a', 0xE9], '0').Bytes()));
        Assert.Contains("the entry \\xff has", await FaultAsync(new RawTar().Records(("path", [0xFF])).Entry("a", '0').Bytes()), StringComparison.Ordinal);
        Assert.Contains("the entry a has", await FaultAsync(new RawTar().Records(("linkpath", [0xFF])).Entry("a", '2').Bytes()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Long_names_of_gnus_tar_are_read()
    {
        var (name, target) = (string.Concat(Enumerable.Repeat("n/", 100)) + "f", new string('t', 200));
        var tar = new RawTar().Entry("././@LongLink", 'L', name + "\0").Entry("cut", '0', "x").Entry("././@LongLink", 'K', target + "\0").Entry("link", '2').Entry("next", '0').Bytes();

        Assert.Equal([$"File {name} 644 x", $"Symlink link 644 {target}", "File next 644"], (await Listed.OfAsync(tar)).Where(entry => !entry.StartsWith("Directory", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("size", "x", "a number in the extended header of an entry is none")]
    [InlineData("size", "-5", "an entry is to have -5 bytes")]
    [InlineData("size", "9223372036854775807", "an entry is to have 9223372036854775807 bytes")]
    public async Task Numbers_that_are_none_are_refused(string key, string value, string fault) =>
        Assert.EndsWith($" is no sound tar: {fault}", await FaultAsync(new RawTar().Records(key, value).Entry("a", '0').Bytes()), StringComparison.Ordinal);

    [Fact]
    public async Task A_size_may_have_more_digits_than_a_header_holds() =>
        Assert.Contains("a: the image becomes larger than 8589934592 bytes", await FaultAsync(new RawTar().Records("size", "9663676416").Entry("a", '0').Bytes()), StringComparison.Ordinal);

    [Fact]
    public async Task A_header_that_was_changed_is_refused()
    {
        var tar = new RawTar().Entry("a", '0').Bytes();
        tar[0] = (byte)'b';

        Assert.EndsWith(" is no sound tar: the checksum of an entry's header is wrong", await FaultAsync(tar), StringComparison.Ordinal);
    }

    private static async Task<string> FaultAsync(byte[] tar)
    {
        using var images = new TestImages().Add("docker.io/t/x:1", [], (tar, tar));
        var image = await images.LoadAsync("docker.io/t/x:1");
        return Assert.Throws<LinuxKitException>(() => new Flattener(image, new()).Entries().Count()).Message;
    }
}
