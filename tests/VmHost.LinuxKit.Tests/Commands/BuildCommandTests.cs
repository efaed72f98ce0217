using System.Text;
using CliWrap;
using CliWrap.Buffered;
using VmHost.LinuxKit.Tests.Registries;
using VmHost.TestKit;

namespace VmHost.LinuxKit.Tests.Commands;

/// <summary>What a person types: the program itself, with a registry on a real socket.</summary>
public sealed class BuildCommandTests : IDisposable
{
    private const string Steps = "Extract kernel image: t/kernel:1\nAdd init containers:\nProcess init image: t/init:1\nAdd files:\n  etc/x\nCreate outputs:\n  x-kernel x-initrd.img x-cmdline\n";

    private readonly TestImages _images = new TestImages()
        .Add("docker.io/t/kernel:1", new TestLayer().File("kernel", "KERNEL"))
        .Add("docker.io/t/init:1", new TestLayer().File("init", "#!"));

    private readonly TestRegistry _registry;

    public BuildCommandTests()
    {
        _registry = new(_images.Layout);
        Directory.CreateDirectory(_images.Combine("here"));
        File.WriteAllText(_images.Combine("here/x.yaml"), "kernel: {image: 't/kernel:1', tar: none, cmdline: c}\ninit: ['t/init:1']\nfiles: [{path: etc/x, contents: x}]\n");
    }

    [Fact]
    public async Task Plain_progress_is_a_line_for_each_step_and_nothing_moves()
    {
        var built = await OkAsync("build", "--progress", "plain", "--mirror", _registry.Mirror, "x");

        Assert.Equal(
            $"Pull image: docker.io/t/init:1\nPull image: docker.io/t/kernel:1\nvmctl: note: x.yaml:3:9: files make directories less open than images have them, as LinuxKit does: /etc 0700; with mode: \"0644\" they stay as open as usual\n{Steps}",
            InOrder(built.StandardError));
        Assert.Equal("", built.StandardOutput);
        Assert.Equal(Steps, WithoutNotes((await OkAsync("build", "x")).StandardError)); // who writes into a pipe is no terminal, and what is here is not pulled
    }

    [Fact]
    public async Task At_a_terminal_a_bar_moves_while_bytes_come()
    {
        var shown = (await OkAsync("build", "--progress", "tty", "--mirror", _registry.Mirror, "x")).StandardError;

        Assert.Contains("\r  [", shown, StringComparison.Ordinal);
        Assert.Matches(@"\r  \[={24}\] [0-9.]+ kB of [0-9.]+ kB, [0-9.]+ [kM]B/s\x1B\[K\n", shown);
        Assert.EndsWith(Steps, shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_progress_only_notes_are_told()
    {
        var built = await OkAsync("build", "--progress", "none", "--mirror", _registry.Mirror, "x");

        Assert.Equal(("", ""), (WithoutNotes(built.StandardError), built.StandardOutput));
    }

    [Fact]
    public async Task Quietly_only_the_files_are_told()
    {
        var built = await OkAsync("build", "-q", "--mirror", _registry.Mirror, "--dir", "out", "--name", "other", "x.yaml");

        Assert.Equal(("", string.Concat(((string[])["kernel", "initrd.img", "cmdline"]).Select(part => $"{Here("out")}/other-{part}\n"))), (WithoutNotes(built.StandardError), built.StandardOutput));
        Assert.Equal("KERNEL", await File.ReadAllTextAsync(Here("out/other-kernel"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_registry_gets_the_password_that_docker_login_left()
    {
        _registry.Want("me", "s3cret");
        string[] build = ["build", "-q", "--mirror", _registry.Mirror, "x"];
        var refused = await RunAsync(build);
        Directory.CreateDirectory(Here(".docker"));
        await File.WriteAllTextAsync(Here(".docker/config.json"), $$$$"""{"auths":{"127.0.0.1:{{{{_registry.Port}}}}":{"auth":"{{{{Convert.ToBase64String(Encoding.UTF8.GetBytes("me:s3cret"))}}}}"}}}""", TestContext.Current.CancellationToken);

        await OkAsync(build);

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("UNAUTHORIZED: authentication required; log in with docker login", refused.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_tag_means_now_is_asked_for_with_pull()
    {
        string[] build = ["build", "-q", "--mirror", _registry.Mirror, "x"];
        await OkAsync(build);
        _images.Replace("docker.io/t/kernel:1", new TestLayer().File("kernel", "NEWER"));

        await OkAsync(build);
        Assert.Equal("KERNEL", await File.ReadAllTextAsync(Here("x-kernel"), TestContext.Current.CancellationToken));
        await OkAsync([.. build, "--pull"]);
        Assert.Equal("NEWER", await File.ReadAllTextAsync(Here("x-kernel"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("amd64")]
    [InlineData("arm64")]
    public async Task An_image_of_several_processors_is_built_for_the_one_that_is_asked_for(string architecture)
    {
        using var images = new TestImages();
        foreach (var one in (string[])["amd64", "arm64"])
        {
            var tar = new TestLayer().File("kernel", $"for {one}").Tar();
            images.Add(one, "unused", [], [(TestLayer.Gzip(tar), tar)]);
        }

        using var registry = new TestRegistry(images.AsIndex("docker.io/t/many:1", "amd64", "arm64").Layout);
        await File.WriteAllTextAsync(Here("many.yaml"), "kernel: {image: 't/many:1', tar: none}", TestContext.Current.CancellationToken);

        await OkAsync("build", "--arch", architecture, "--mirror", registry.Mirror, "many");

        Assert.Equal($"for {architecture}", await File.ReadAllTextAsync(Here("many-kernel"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_image_in_a_directory_is_loaded_and_built_from_by_its_name_or_its_digest()
    {
        Assert.Equal("docker.io/t/kernel:1\ndocker.io/t/init:1\n", (await OkAsync("image", "load", _images.Layout)).StandardOutput);
        var digest = (await OkAsync("image", "ls", "-o", "json")).StandardOutput.Split('"').First(word => word.StartsWith("sha256:", StringComparison.Ordinal));

        await OkAsync("build", "x");
        await File.WriteAllTextAsync(Here("pinned.yaml"), $"init: ['t/init@{digest}']", TestContext.Current.CancellationToken);
        await OkAsync("build", "--mirror", "http://127.0.0.1:1", "pinned");

        Assert.Equal("KERNEL", await File.ReadAllTextAsync(Here("x-kernel"), TestContext.Current.CancellationToken));
        Assert.Empty(_registry.Requests);
    }

    [Fact]
    public async Task A_packed_archive_is_loaded_from_a_pipe()
    {
        var archive = _images.Combine("oci.tar");
        await System.Formats.Tar.TarFile.CreateFromDirectoryAsync(_images.Layout, archive, includeBaseDirectory: false, TestContext.Current.CancellationToken);

        var loaded = await (Cli.Wrap("gzip").WithArguments(["-c", archive]) | Vmctl("image", "load", "/dev/stdin")).ExecuteBufferedAsync(TestContext.Current.CancellationToken);

        Assert.Equal(("", "docker.io/t/kernel:1\ndocker.io/t/init:1\n"), (loaded.StandardError, loaded.StandardOutput));
    }

    [Fact]
    public async Task A_build_without_cache_keeps_nothing()
    {
        await OkAsync("build", "--no-cache", "--mirror", _registry.Mirror, "x");

        Assert.True(File.Exists(Here("x-kernel")));
        Assert.Empty(Directory.GetFiles(Here(".cache"), "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("build", "--no-cache", "x")]
    [InlineData("image", "prune")]
    public async Task What_a_killed_build_without_cache_left_goes_with_the_next(params string[] next)
    {
        var asked = new TaskCompletionSource();
        _registry.Instead = _ =>
        {
            asked.TrySetResult();
            return true; // and no answer ever
        };
        using var kill = new CancellationTokenSource();
        var building = Vmctl("build", "--no-cache", "--mirror", _registry.Mirror, "x").ExecuteAsync(kill.Token);
        await asked.Task;
        await kill.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await building);
        Assert.Equal(2, Directory.GetFileSystemEntries(Here(".cache/vmhost/images/one-build")).Length); // a lock, and what it is for

        _registry.Instead = _ => false;
        await OkAsync(next[0] == "build" ? [.. next, "--mirror", _registry.Mirror] : next);

        Assert.Empty(Directory.GetFileSystemEntries(Here(".cache/vmhost/images/one-build")));
    }

    public void Dispose()
    {
        _registry.Dispose();
        _images.Dispose();
    }

    private string Here(string name) => _images.Combine(Path.Combine("here", name));

    private static string WithoutNotes(string shown) => string.Concat(shown.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith("vmctl: note:", StringComparison.Ordinal)).Select(line => line + "\n"));

    // Images are pulled beside each other.
    private static string InOrder(string shown)
    {
        var lines = shown.Split('\n');
        return string.Join('\n', lines.TakeWhile(line => line.StartsWith("Pull image:", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Concat(lines.SkipWhile(line => line.StartsWith("Pull image:", StringComparison.Ordinal))));
    }

    private async Task<BufferedCommandResult> OkAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments);
        Assert.True(result.ExitCode == 0, $"vmctl {string.Join(' ', arguments)}: {result.ExitCode}\n{result.StandardError}");
        return result;
    }

    private async Task<BufferedCommandResult> RunAsync(params string[] arguments) => await Vmctl(arguments).ExecuteBufferedAsync(TestContext.Current.CancellationToken);

    private Command Vmctl(params string[] arguments) =>
        Cli.Wrap(Repository.Cli).WithArguments(arguments).WithWorkingDirectory(Here("")).WithValidation(CommandResultValidation.None)
            .WithEnvironmentVariables(variables => variables.Set("HOME", Here("")).Set("XDG_CACHE_HOME", Here(".cache")).Set("DOCKER_CONFIG", null).Set("LINUXKIT_MIRROR", null));
}
