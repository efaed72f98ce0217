using System.Globalization;
using CliWrap.Buffered;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>From LinuxKit's YAML to a redis that answers, with published programs, Docker's registry and real QEMU.</summary>
[Collection("one guest at a time: two cores, and QEMU emulates in software")]
public sealed class BuildTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Store => _directory.Combine("cache", "vmhost", "images");

    [Fact]
    public async Task A_yaml_is_built_run_and_answers_pong()
    {
        var yaml = _directory.Combine("linux-redis.yaml");
        File.Copy(Path.Combine(Repository.Root, "scripts/guest/linuxkit/linux-redis.yaml"), yaml);
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        Assert.Contains("docker.io/vmhost/redis:demo\n", (await OkAsync(daemon.Socket, "image", "load", Path.Combine(Repository.Images, "linuxkit-images.tar"))).StandardOutput, StringComparison.Ordinal);

        var run = await PongAsync(daemon, "redis", yaml);

        Assert.Contains("Create outputs:\n  linux-redis-kernel linux-redis-initrd.img linux-redis-cmdline\n", run.StandardError, StringComparison.Ordinal);
        var again = await OkAsync(daemon.Socket, "plan", yaml);
        Assert.DoesNotContain("Create outputs:", again.StandardError, StringComparison.Ordinal);
        Assert.Contains(_directory.Combine("linux-redis-kernel"), again.StandardOutput + again.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_yaml_of_2017_is_pulled_from_a_registry_built_and_answers_pong()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await using var registry = new DockerRegistry();
        await registry.ReadyAsync();
        await OkAsync(daemon.Socket, "image", "load", Path.Combine(Repository.Images, "linuxkit-images.tar"));
        var yaml = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "tests/VmHost.EndToEnd/linux-redis-2017.yaml"), TestContext.Current.CancellationToken);
        var images = yaml.Split([' ', '"', '\n']).Where(word => word.Contains(':', StringComparison.Ordinal) && (word.StartsWith("linuxkit/", StringComparison.Ordinal) || word.StartsWith("redis:3", StringComparison.Ordinal)));
        foreach (var image in images.Select(image => image.Split(':')))
        {
            // What the stand-ins have no image for is one that does a little and ends.
            var (repository, tag) = (image[0], image[1]);
            var name = repository.Split('/')[^1];
            var from = name switch { "dhcpcd" => "dhcp", "kernel" or "init" or "runc" or "redis" => name, _ => "sysctl" };
            await registry.PushAsync(Store, $"docker.io/vmhost/{from}:demo", repository.Contains('/', StringComparison.Ordinal) ? repository : $"library/{repository}", tag);
        }

        File.Copy(Path.Combine(Repository.Root, "tests/VmHost.EndToEnd/linux-redis-2017.yaml"), _directory.Combine("linux-redis.yml"));

        var built = await OkAsync(daemon.Socket, "build", "--no-cache", "--mirror", $"docker.io={registry.Address}", "--dir", _directory.Path, _directory.Combine("linux-redis"));

        Assert.Equal(
            """
            Extract kernel image: linuxkit/kernel:4.9.x
            Add init containers:
            Process init image: linuxkit/init:63eed9ca7a09d2ce4c0c5e7238ac005fa44f564b
            Process init image: linuxkit/runc:b0fb122e10dbb7e4e45115177a61a3f8d68c19a9
            Process init image: linuxkit/containerd:18eaf72f3f4f9a9f29ca1951f66df701f873060b
            Process init image: linuxkit/ca-certificates:eabc5a6e59f05aa91529d80e9a595b85b046f935
            Add onboot containers:
              Create OCI config for linuxkit/sysctl:1f5ec5d5e6f7a7a1b3d2ff9dd9e36fd6fb14756a
              Create OCI config for linuxkit/sysfs:6c1d06f28ddd9681799d3950cddf044b930b221c
              Create OCI config for linuxkit/binfmt:8881283ac627be1542811bd25c85e7782aebc692
              Create OCI config for linuxkit/format:53748000acf515549d398e6ae68545c26c0f3a2e
              Create OCI config for linuxkit/mount:d2669e7c8ddda99fa0618a414d44261eba6e299a
            Add service containers:
              Create OCI config for linuxkit/rngd:3dad6dd43270fa632ac031e99d1947f20b22eec9
              Create OCI config for linuxkit/dhcpcd:57a8ef29d3a910645b2b24c124f9ce9ef53ce703
              Create OCI config for linuxkit/openntpd:a570316d7fc49ca1daa29bd945499f4963d227af
              Create OCI config for redis:3.0.7-alpine
            Add files:
              etc/docker/daemon.json
            Create outputs:
              linux-redis-bzImage linux-redis-initrd.img linux-redis-cmdline

            """,
            string.Join('\n', built.StandardError.Split('\n').Where(line => !line.StartsWith("Pull image:", StringComparison.Ordinal) && !line.StartsWith("vmctl: note:", StringComparison.Ordinal))));
        await PongAsync(daemon, "old", _directory.Combine("linux-redis"));
    }

    [Fact]
    public async Task A_pull_that_is_killed_again_and_again_goes_on_and_nothing_is_damaged()
    {
        await using var registry = new DockerRegistry();
        await registry.ReadyAsync();
        await OkAsync("/x", "image", "load", Path.Combine(Repository.Images, "linuxkit-images.tar"));
        foreach (var image in (string[])["kernel", "runc", "redis"])
            await registry.PushAsync(Store, $"docker.io/vmhost/{image}:demo", $"vmhost/{image}", "demo");
        await File.WriteAllTextAsync(_directory.Combine("x.yaml"), "kernel: {image: 'vmhost/kernel:demo'}\ninit: ['vmhost/runc:demo', 'vmhost/redis:demo']\n", TestContext.Current.CancellationToken);
        string[] build = ["build", "-q", "--mirror", $"docker.io={registry.Address}", "--cache", _directory.Combine("killed"), _directory.Combine("x.yaml")];
        await OkAsync("/x", "build", "-q", _directory.Combine("x.yaml"));
        var expected = await File.ReadAllBytesAsync(_directory.Combine("x-initrd.img"), TestContext.Current.CancellationToken);
        File.Delete(_directory.Combine("x-initrd.img"));

        var random = new Random(1);
        for (var i = 0; i < 20; i++)
        {
            using var kill = new CancellationTokenSource(TimeSpan.FromMilliseconds(random.Next(20, 900)), TimeProvider.System);
            try
            {
                await Vmctl.Command("/x", build).WithWorkingDirectory(_directory.Path).ExecuteAsync(kill.Token);
                File.Delete(_directory.Combine("x-initrd.img")); // it was faster
            }
            catch (OperationCanceledException)
            {
                if (File.Exists(_directory.Combine("x-initrd.img")))
                    Assert.Equal(expected, await File.ReadAllBytesAsync(_directory.Combine("x-initrd.img"), TestContext.Current.CancellationToken));
            }
        }

        await OkAsync("/x", build);
        Assert.Equal(expected, await File.ReadAllBytesAsync(_directory.Combine("x-initrd.img"), TestContext.Current.CancellationToken));
        await OkAsync("/x", "image", "prune", "--cache", _directory.Combine("killed"));
        Assert.Empty(Directory.GetFiles(_directory.Combine("killed", "ingest")));
        Assert.Empty(Directory.GetFiles(_directory.Path, "*.new"));
    }

    [Theory]
    [InlineData("kernel: {image: 'vmhost/none:1'}", "cannot pull docker.io/vmhost/none:1 from http://127.0.0.1:1: Connection refused; check the network and the name, or bring the image from a file with vmctl image load")]
    [InlineData("kernle: {}", "x.yaml:1:1: there is no key 'kernle'; did you mean kernel?")]
    public async Task What_cannot_be_built_is_told_in_one_line(string yaml, string fault)
    {
        await File.WriteAllTextAsync(_directory.Combine("x.yaml"), yaml, TestContext.Current.CancellationToken);

        var built = await RunAsync("/nonexistent", "build", "--mirror", "http://127.0.0.1:1", _directory.Combine("x.yaml"));

        Assert.Equal(1, built.ExitCode);
        Assert.EndsWith(fault, built.StandardError.TrimEnd(), StringComparison.Ordinal);
        Assert.Single(built.StandardError.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_yaml_from_stdin_is_built()
    {
        await OkAsync("/x", "image", "load", Path.Combine(Repository.Images, "linuxkit-images.tar"));

        await ("kernel: {image: 'vmhost/kernel:demo', cmdline: x}" | Vmctl.Command("/x", "build", "-q", "-").WithWorkingDirectory(_directory.Path)
            .WithEnvironmentVariables(variables => variables.Set("XDG_CACHE_HOME", _directory.Combine("cache")))).ExecuteAsync(TestContext.Current.CancellationToken);

        Assert.Equal("x", await File.ReadAllTextAsync(_directory.Combine("moby-cmdline"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Words_that_make_no_build_are_refused()
    {
        Assert.Contains("there is no file nothing, nor nothing.yml, nor nothing.yaml", (await RunAsync("/x", "build", "nothing")).StandardError, StringComparison.Ordinal);
        Assert.Contains("--lock writes the lock file and --locked obeys it", (await RunAsync("/x", "build", "--lock", "--locked", "-")).StandardError, StringComparison.Ordinal);
        Assert.Equal(4, (await RunAsync("/x", "image", "rm", "none")).ExitCode);
        await File.WriteAllTextAsync(_directory.Combine("machine.yaml"), "prefix: images/demo\n", TestContext.Current.CancellationToken);
        Assert.Contains("looks like a machine's manifest, and not like an image's YAML: vmctl run --spec machine.yaml", (await RunAsync("/x", "run", "machine.yaml")).StandardError, StringComparison.Ordinal);
        Assert.Contains("there is no file or directory none", (await RunAsync("/x", "image", "load", "none")).StandardError, StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Dispose();

    // Run, PING, the prompt, halt typed there, and why it ended.
    private async Task<BufferedCommandResult> PongAsync(DaemonProcess daemon, string name, string prefix)
    {
        var port = RealKernelTests.FreePort();
        var run = await OkAsync(daemon.Socket, "run", "-d", "-n", name, "-m", "256", "-p", string.Create(CultureInfo.InvariantCulture, $"{port}:6379"), prefix);
        await Eventually.TrueAsync(() => RealKernelTests.PongsAsync(port), "redis answers PING");
        await Vmctl.OkAsync(daemon, "expect", name, "/ # ", "--timeout", "150");
        await Vmctl.OkAsync(daemon, "send", name, "halt");
        Assert.Contains(await Vmctl.OkAsync(daemon, "wait", name, "--timeout", "150"), (string[])["power_off (0)\n", "halt (0)\n"]);
        return run;
    }

    private async Task<BufferedCommandResult> OkAsync(string socket, params string[] arguments)
    {
        var result = await RunAsync(socket, arguments);
        Assert.True(result.ExitCode == 0, $"vmctl {string.Join(' ', arguments)}: {result.ExitCode}\n{result.StandardError}");
        return result;
    }

    private async Task<BufferedCommandResult> RunAsync(string socket, params string[] arguments) =>
        await Vmctl.Command(socket, arguments).WithWorkingDirectory(_directory.Path)
            .WithEnvironmentVariables(variables => variables.Set("VMHOST_SOCKET", socket).Set("XDG_CACHE_HOME", _directory.Combine("cache")))
            .ExecuteBufferedAsync(TestContext.Current.CancellationToken);
}
