using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;

namespace VmHost.LinuxKit.Tests;

/// <summary>A builder with images to build from, and other people's programs to look at what came out.</summary>
internal sealed class BuildRig : IDisposable
{
    /// <summary>With something of every section.</summary>
    internal const string Yaml = """
        kernel: {image: "t/kernel:1", cmdline: "console=ttyS0"}
        init: ["t/init:1"]
        onboot: [{name: setup, image: "t/tool:1", readonly: true}]
        services:
        - {name: one, image: "t/tool:1"}
        - {name: two, image: "t/other:1"}
        files: [{path: etc/x/y, contents: hello, mode: "0640", uid: two}]
        """;

    internal TestImages Images { get; } = new TestImages()
        .Add("docker.io/t/kernel:1", new TestLayer().File("kernel", "KERNEL").File("kernel.tar", Encoding.Latin1.GetString(new TestLayer().Directory("lib/").Directory("lib/modules/").File("lib/modules/a.ko", "ko").Tar())))
        .Add("docker.io/t/kernel2017:1", new TestLayer().File("bzImage", "OLD").File("kernel.tar", Encoding.Latin1.GetString(new TestLayer().Tar())))
        .Add("docker.io/t/ucode:1", new TestLayer().File("a.cpio", "UCODE").File("kernel", "KERNEL"))
        .Add("docker.io/t/init:1", new TestLayer().File("init", "#!", 0b111_101_101).Directory("etc").File("etc/hostname", "x").Symlink("etc/resolv.conf", "/x"))
        .Add("docker.io/t/tool:1", new JsonObject { ["Entrypoint"] = new JsonArray("/tool"), ["Cmd"] = new JsonArray("arg") }, new TestLayer().File("tool", "t").HardLink("tool2", "tool").Symlink("etc/hosts", "/evil"))
        .Add("docker.io/t/other:1", new JsonObject { ["Cmd"] = new JsonArray("/other") }, new TestLayer().File("other", "o"))
        .Add("docker.io/t/linked:1", new TestLayer().Directory("boot").File("boot/vmlinuz", "KERNEL").Symlink("kernel", "./boot/../boot/vmlinuz").HardLink("hard", "boot/vmlinuz"))
        .Add("docker.io/t/apk1:1", new TestLayer().File("lib/apk/db/installed", "one"))
        .Add("docker.io/t/apk2:1", new TestLayer().File("lib/apk/db/installed", "two"));

    /// <summary>What was told, in order.</summary>
    internal List<string> Said { get; } = [];

    /// <summary>What was noted, in order.</summary>
    internal List<string> Notes { get; } = [];

    internal string Output => Images.Combine("out");

    public void Dispose() => Images.Dispose();

    internal async Task<BuildResult> BuildAsync(string yaml, Func<BuildRequest, BuildRequest>? change = null, bool load = true)
    {
        if (load)
            await Images.LoadAsync();
        var request = new BuildRequest
        {
            Texts = [("x.yaml", yaml)],
            Name = "x",
            OutputDirectory = Output,
            Architecture = "amd64",
            StoreDirectory = Images.StoreDirectory,
            WorkingDirectory = Images.Combine("."),
            Home = "/",
        };
        return await new ImageBuilder(new Listener(this)).BuildAsync(change is null ? request : change(request), CancellationToken.None);
    }

    internal string Text(string file) => Encoding.Latin1.GetString(File.ReadAllBytes(Path.Combine(Output, file)));

    internal async Task<IReadOnlyList<string>> ListAsync(string file)
    {
        var path = Path.Combine(Output, file);
        var plain = Images.Combine("plain.cpio");
        await using (var source = File.OpenRead(path))
        await using (var target = File.Create(plain))
        {
            await using var unpacked = source.ReadByte() == 0x1F ? new GZipStream(source, CompressionMode.Decompress) : (Stream)source;
            source.Position = 0;
            await unpacked.CopyToAsync(target, TestContext.Current.CancellationToken);
        }

        return [.. (await RunAsync("cpio", "-itv", "--numeric-uid-gid", "--quiet", "-F", plain)).Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];
    }

    internal static async Task<IReadOnlyList<string>> RunAsync(string program, params IReadOnlyList<string> arguments)
    {
        var result = await Cli.Wrap(program).WithArguments(arguments).WithEnvironmentVariables(variables => variables.Set("LC_ALL", "C.UTF-8").Set("TZ", "UTC")).ExecuteBufferedAsync(TestContext.Current.CancellationToken);
        return result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private sealed class Listener(BuildRig rig) : IBuildProgress
    {
        public void Doing(string text)
        {
            lock (rig)
                rig.Said.Add(text);
        }

        public void Note(string text)
        {
            lock (rig)
                rig.Notes.Add(text);
        }

        public void Pulled(PulledBlob blob)
        {
        }
    }
}
