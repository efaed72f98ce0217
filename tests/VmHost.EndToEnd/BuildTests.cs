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
        (string From, string Repository, string Tag)[] images =
        [
            ("kernel", "linuxkit/kernel", "4.9.x"), ("init", "linuxkit/init", "63eed9ca"), ("runc", "linuxkit/runc", "b0fb122e"), ("sysctl", "linuxkit/containerd", "18eaf72f"),
            ("sysctl", "linuxkit/sysctl", "2cf2f9d5"), ("dhcp", "linuxkit/dhcpcd", "48e249eb"), ("redis", "library/redis", "3.0.7-alpine"),
        ];
        foreach (var (from, repository, tag) in images)
            await registry.PushAsync(Store, $"docker.io/vmhost/{from}:demo", repository, tag);
        File.Copy(Path.Combine(Repository.Root, "tests/VmHost.EndToEnd/linux-redis-2017.yaml"), _directory.Combine("linux-redis.yml"));

        var built = await OkAsync(daemon.Socket, "build", "--no-cache", "--mirror", $"docker.io={registry.Address}", "--dir", _directory.Path, _directory.Combine("linux-redis"));

        Assert.Equal(
            """
            Extract kernel image: linuxkit/kernel:4.9.x
            Add init containers:
            Process init image: linuxkit/init:63eed9ca
            Process init image: linuxkit/runc:b0fb122e
            Process init image: linuxkit/containerd:18eaf72f
            Add onboot containers:
              Create OCI config for linuxkit/sysctl:2cf2f9d5
              Create OCI config for linuxkit/dhcpcd:48e249eb
            Add service containers:
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
