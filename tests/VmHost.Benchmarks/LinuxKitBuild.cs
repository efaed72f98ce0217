using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using VmHost.Posix;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P15: <c>vmctl build</c> with all images here, against a shell that unpacks the same files from as many packed tars and packs them with
/// cpio and pigz, on the same disk.
/// </summary>
internal static class LinuxKitBuild
{
    private const int Pairs = 5;
    private const int Layers = 4;
    private const int FilesInLayer = 60;
    private const int FileBytes = 1 << 20;
    private const double AimRatio = 1.3;
    private const string Time = "/usr/bin/time";

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        if (!File.Exists("/usr/bin/pigz") || !File.Exists(Time))
            throw new InvalidOperationException("pigz and time are needed to compare with; install them: apt-get install pigz time");

        using var directory = new TemporaryDirectory();
        await PrepareAsync(directory);
        var (wall, processor, memory, hashOk) = (new List<Pair>(), new List<Pair>(), new List<double>(), true);
        for (var i = 0; i <= Pairs; i++)
        {
            var own = Execute(directory, Time, "-f", "%M", "-o", directory.Combine("peak"), Repository.Published("vmctl"), "build", "--cache", directory.Combine("store"), "--dir", directory.Combine("out"), "-q", directory.Combine("big.yaml"));
            var raw = Execute(directory, "/bin/bash", "-c", $"set -e; cd {directory.Path}; rm -rf tree; mkdir tree; for l in saved/*.tar.gz; do pigz -dc $l | tar -xf - -C tree; done; cd tree; find . -print0 | LC_ALL=C sort -z | cpio -0 -o -H newc --quiet | pigz >../raw.img");
            hashOk &= Content(directory.Combine("out", "big-initrd.img"), "containers/services/big/lower/") == Content(directory.Combine("raw.img"), "");
            if (i == 0)
                continue; // warms up: caches

            wall.Add(new(raw.Wall, own.Wall));
            processor.Add(new(raw.Processor, own.Processor));
            memory.Add(double.Parse(await File.ReadAllTextAsync(directory.Combine("peak")), CultureInfo.InvariantCulture) * 1024 / 1e6);
        }

        return
        [
            Measurement.Of("P15", "build: vmctl build / tar, cpio and pigz of the same files", "ms", wall, "ratio", AimRatio, hashOk),
            Measurement.Of("P15-cpu", "build: the same, processor time", "ms", processor, "ratio", AimRatio, hashOk),
            Measurement.Alone("P15-mem", "build: vmctl's peak memory (RSS)", "MB", memory, 200),
        ];
    }

    // Half of each file is noise and half text, as of programs.
    private static async Task PrepareAsync(TemporaryDirectory directory)
    {
        var saved = Directory.CreateDirectory(directory.Combine("saved")).FullName;
        var random = new Random(1);
        var diffIds = new List<string>();
        for (var layer = 0; layer < Layers; layer++)
        {
            using var tar = new MemoryStream();
            await using (var writer = new TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true))
            {
                for (var i = 0; i < FilesInLayer; i++)
                {
                    var content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, FileBytes / 16).Select(line => $"line {line * 7 % 9999:D9}\n")));
                    random.NextBytes(content.AsSpan(0, FileBytes / 2));
                    await writer.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, $"file-{layer}-{i:D3}") { DataStream = new MemoryStream(content), Mode = (UnixFileMode)0b110_100_100 });
                }
            }

            diffIds.Add($"\"sha256:{Convert.ToHexStringLower(SHA256.HashData(tar.GetBuffer().AsSpan(0, (int)tar.Length)))}\"");
            await using var packed = new GZipStream(File.Create(Path.Combine(saved, $"{layer}.tar.gz")), CompressionLevel.Optimal);
            tar.Position = 0;
            await tar.CopyToAsync(packed);
        }

        await File.WriteAllTextAsync(Path.Combine(saved, "c.json"), $$$"""{"architecture":"amd64","os":"linux","config":{"Cmd":["x"]},"rootfs":{"type":"layers","diff_ids":[{{{string.Join(',', diffIds)}}}]}}""");
        await File.WriteAllTextAsync(
            Path.Combine(saved, "manifest.json"),
            $$"""[{"Config":"c.json","RepoTags":["bench/big:1"],"Layers":[{{string.Join(',', Enumerable.Range(0, Layers).Select(layer => $"\"{layer}.tar.gz\""))}}]}]""");
        await TarFile.CreateFromDirectoryAsync(saved, directory.Combine("big.tar"), includeBaseDirectory: false);
        await File.WriteAllTextAsync(directory.Combine("big.yaml"), "services: [{name: big, image: 'bench/big:1'}]\n");
        Execute(directory, Repository.Published("vmctl"), "image", "load", "--cache", directory.Combine("store"), directory.Combine("big.tar"));
    }

    private static (double Wall, double Processor) Execute(TemporaryDirectory directory, string executable, params IReadOnlyList<string> arguments)
    {
        using var spawn = new ProcessSpawn();
        spawn.Open(0, "/dev/null", Descriptor.ReadOnly);
        spawn.Open(1, "/dev/null", Descriptor.WriteOnly);
        spawn.Open(2, directory.Combine("said"), Descriptor.WriteOnly | Descriptor.Create | Descriptor.Truncate);
        var begun = TimeProvider.System.GetTimestamp();
        var exit = ChildProcess.Wait(spawn.Start(executable, arguments, firstClosed: 3));
        var wall = TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds;
        return exit.Code == 0
            ? (wall, (exit.UserTime + exit.SystemTime).TotalMilliseconds)
            : throw new InvalidOperationException($"{executable} ended with {exit.Code}: {File.ReadAllText(directory.Combine("said"))}");
    }

    // Names below a prefix and what is in them.
    private static string Content(string initrd, string prefix)
    {
        using var gzip = new GZipStream(File.OpenRead(initrd), CompressionMode.Decompress);
        var sums = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var header = new byte[110];
        while (true)
        {
            gzip.ReadExactly(header);
            var size = Field(header, 6);
            var name = new byte[Padded(110 + Field(header, 11)) - 110];
            gzip.ReadExactly(name);
            var text = Encoding.UTF8.GetString(name.AsSpan(0, name.AsSpan().IndexOf((byte)0)));
            if (text == "TRAILER!!!")
                return string.Join('\n', sums.Select(pair => $"{pair.Key} {pair.Value}"));

            var content = new byte[Padded(size)];
            gzip.ReadExactly(content);
            if (text.StartsWith(prefix + "file-", StringComparison.Ordinal))
                sums[text[prefix.Length..]] = Convert.ToHexString(SHA256.HashData(content.AsSpan(0, size)));
        }
    }

    private static int Field(byte[] header, int index) => Convert.ToInt32(Encoding.ASCII.GetString(header, 6 + 8 * index, 8), 16);

    private static int Padded(int size) => (size + 3) / 4 * 4;
}
