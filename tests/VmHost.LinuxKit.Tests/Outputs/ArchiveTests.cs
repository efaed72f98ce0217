using System.IO.Compression;
using System.Text;
using CliWrap;
using CliWrap.Buffered;
using VmHost.LinuxKit.Assembly;
using VmHost.LinuxKit.Outputs;
using VmHost.TestKit;

namespace VmHost.LinuxKit.Tests.Outputs;

/// <summary>What our writers wrote, read by other people's programs.</summary>
public sealed class ArchiveTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private static readonly int[] ThreadCounts = [1, 2, 7];

    private static readonly Entry[] Entries =
    [
        Entry.Directory("bin"),
        Entry.File("bin/sh", "#!x\n"u8.ToArray(), 0b100_111_101_101) with { Uid = 5, Gid = 6 },
        Entry.Symlink("bin/ash", "sh", FileModes.All),
        new() { Name = "top", Type = EntryType.HardLink, Mode = FileModes.File, Target = "bin/sh" },
        new() { Name = "null", Type = EntryType.CharacterDevice, Mode = 0b110_110_110, DeviceMajor = 1, DeviceMinor = 3 },
        new() { Name = "loop", Type = EntryType.BlockDevice, Mode = 0b110_110_000, DeviceMajor = 7, DeviceMinor = 300 },
        new() { Name = "fifo", Type = EntryType.Fifo, Mode = 0b110_000_000 },
        Entry.File("größe-" + new string('n', 120), new byte[5]),
        Entry.File("old", default) with { Time = -1 },
    ];

    [Fact]
    public async Task Cpio_lists_what_was_written()
    {
        var file = _directory.Combine("a.cpio");
        await using (var output = File.Create(file))
            Write(output);

        var listed = await ListAsync("cpio", ["-itv", "--numeric-uid-gid", "--quiet", "-F", file]);

        Assert.Equal(
            [
                "drwxr-xr-x 2 0 0 0 bin", "-rwsr-xr-x 1 5 6 4 bin/sh", "lrwxrwxrwx 1 0 0 2 bin/ash -> sh", "lrw-r--r-- 1 0 0 6 top -> bin/sh",
                "crw-rw-rw- 1 0 0 1, 3 null", "brw-rw---- 1 0 0 7,300 loop", "prw------- 1 0 0 0 fifo", $"-rw-r--r-- 1 0 0 5 größe-{new string('n', 120)}", "-rw-r--r-- 1 0 0 0 old",
            ],
            listed.Select(line => WithoutTime(line)));
        Assert.Equal(0, new FileInfo(file).Length % 512);
    }

    [Fact]
    public async Task Bsdtar_lists_what_was_written()
    {
        var file = _directory.Combine("a.cpio");
        await using (var output = File.Create(file))
            Write(output);

        Assert.Equal(Entries.Select(entry => entry.Name), (await ListAsync("bsdtar", ["-tf", file])).Select(line => line.TrimEnd('/')));
    }

    [Fact]
    public async Task Tar_lists_what_was_written()
    {
        var file = _directory.Combine("a.tar");
        await using (var output = File.Create(file))
        {
            var tar = new PaxWriter(output);
            foreach (var entry in Entries.Select(entry => entry with { Source = "docker.io/t/x:1", Location = "init[0]" }))
                tar.Write(entry);
            tar.Finish();
        }

        var listed = await ListAsync("tar", ["-tvf", file, "--numeric-owner", "--quoting-style=literal", "--full-time", "--warning=no-unknown-keyword"]);

        Assert.Equal(9, listed.Count);
        Assert.Matches("^-rwsr-xr-x 5/6 +4 2017-04-18 .* bin/sh$", listed[1]);
        Assert.Matches("^hrw-r--r-- 0/0 +0 .* top link to bin/sh$", listed[3]);
        Assert.Matches("^brw-rw---- 0/0 +7,300 .* loop$", listed[5]);
        Assert.EndsWith("größe-" + new string('n', 120), listed[7], StringComparison.Ordinal);
        Assert.Matches("^-rw-r--r-- 0/0 +0 1969-12-31 ", listed[8]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1 << 20)]
    [InlineData((5 << 20) + 17)]
    public void Gzip_is_one_member_and_the_same_for_any_number_of_threads(int length)
    {
        var content = new byte[length];
        new Random(7).NextBytes(content.AsSpan(0, length / 2));
        var packed = ThreadCounts.Select(threads => Pack(content, threads)).ToList();

        Assert.Equal(packed[0], packed[1]);
        Assert.Equal(packed[0], packed[2]);
        using var unpacked = new MemoryStream();
        using var gzip = new GZipStream(new MemoryStream(packed[0]), CompressionMode.Decompress);
        gzip.CopyTo(unpacked);
        Assert.Equal(content, unpacked.ToArray());
    }

    [Fact]
    public async Task Gzip_takes_it_for_sound()
    {
        var file = _directory.Combine("a.gz");
        await File.WriteAllBytesAsync(file, Pack(new byte[3 << 20], 2), TestContext.Current.CancellationToken);

        var listed = await ListAsync("gzip", ["-tv", file]);

        Assert.Contains("OK", string.Concat(listed), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_4_GiB_fits_into_no_initrd() =>
        Assert.Contains("less than 4 GiB", Assert.Throws<LinuxKitException>(() => new CpioWriter(Stream.Null).Write(Entry.File("a", default) with { Size = 1L << 32 })).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_shorter_than_it_said_is_refused() =>
        Assert.Contains("a cannot be read: it ends too early", Assert.Throws<LinuxKitException>(() => new CpioWriter(Stream.Null).Write(Entry.File("a", default) with { Size = 5 })).Message, StringComparison.Ordinal);

    public void Dispose() => _directory.Dispose();

    private static void Write(Stream output)
    {
        var cpio = new CpioWriter(output);
        foreach (var entry in Entries)
            cpio.Write(entry with { Content = entry.Size > 0 ? new MemoryStream(new byte[entry.Size]) : Stream.Null });
        cpio.Finish();
    }

    private static byte[] Pack(byte[] content, int threads)
    {
        using var output = new MemoryStream();
        using var gzip = new ParallelGzipStream(output, threads);
        for (var at = 0; at < content.Length; at += 70_000)
            gzip.Write(content, at, Math.Min(70_000, content.Length - at));
        gzip.Finish();
        return output.ToArray();
    }

    private static async Task<IReadOnlyList<string>> ListAsync(string program, IReadOnlyList<string> arguments)
    {
        var result = await Cli.Wrap(program).WithArguments(arguments).WithEnvironmentVariables(variables => variables.Set("LC_ALL", "C.UTF-8").Set("TZ", "UTC"))
            .ExecuteBufferedAsync(Encoding.UTF8, TestContext.Current.CancellationToken);
        return (result.StandardOutput + result.StandardError).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    // "Apr 18 2017": three words before the name.
    private static string WithoutTime(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToList();
        var month = words.FindIndex(word => word is "Apr" or "Feb" or "Jan" or "Dec");
        words.RemoveRange(month, 3);
        return string.Join(' ', words).Replace(", ", ",", StringComparison.Ordinal).Replace("1,3", "1, 3", StringComparison.Ordinal);
    }
}
