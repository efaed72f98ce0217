using System.Globalization;
using System.Net;
using System.Net.Sockets;
using CliWrap.Buffered;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>Each wrong input gets one line that says what, why and the cure, its exit code, and leaves nothing.</summary>
[Collection("one guest at a time: two cores, and QEMU emulates in software")]
public sealed class WrongInputTests : IAsyncLifetime
{
    private DaemonProcess _daemon = null!;

    public async ValueTask InitializeAsync()
    {
        _daemon = await DaemonProcess.StartPublishedAsync();
        await WrongFiles.WriteAsync(_daemon.Directory);
    }

    public ValueTask DisposeAsync() => _daemon.DisposeAsync();

    public static TheoryData<string, int, string> Inputs => new()
    {
        { "run DIR/absent", 125, "spec.boot.triple_prefix (PREFIX)" },
        { "run --kernel DIR", 125, "directory" },
        { "run --kernel DIR/text-kernel", 125, "spec.boot.kernel_path (--kernel)" },
        { "run --kernel DIR/fifo", 125, "is a FIFO" },
        { "run --kernel no/such/kernel", 125, "no/such/kernel" },
        { "run --kernel DIR/arm64-kernel", 125, "arm64" },
        { "run --kernel DIR/short-kernel", 125, "truncated" },
        { "run --kernel DEMO-kernel --initrd DIR/absent", 125, "spec.boot.initrd_path (--initrd)" },
        { "run --kernel DEMO-kernel --initrd DIR/empty", 125, "spec.boot.initrd_path (--initrd)" },
        { "run --kernel DEMO-kernel --initrd DIR/huge -m 128", 125, "spec.memory_bytes (--memory)" },
        { "run --cmdline LONG5000 DEMO", 125, "2046" },
        { "run --cmdline a%0Ab DEMO", 125, "spec.boot.command_line (--cmdline)" },
        { "run DIR/nul", 125, "contains NUL" },
        { "run -m 8 DEMO", 125, "MiB" },
        { "run -m 0 DEMO", 125, "spec.memory_bytes (--memory)" },
        { "run -m -5 DEMO", 125, "spec.memory_bytes (--memory)" },
        { "run -m 1T DEMO", 125, "512 GiB" },
        { "run -m lots DEMO", 2, "--memory wants a size" },
        { "run -c 0 DEMO", 125, "must be 1 to 64" },
        { "run -c 10000 DEMO", 125, "must be 1 to 64" },
        { "run -n .. DEMO", 125, "name (--name)" },
        { "run -n a/b DEMO", 125, "is not a machine name" },
        { "run -n -rf DEMO", 125, "name (--name)" },
        { "run -n EMPTY DEMO", 125, "name (--name)" },
        { "run -n LONG300 DEMO", 125, "name (--name)" },
        { "run -n a%1B[2Jb DEMO", 125, "name (--name)" },
        { "run -p 0:80 DEMO", 125, "spec.published_ports[0].host_port (--publish)" },
        { "run -p 65536:80 DEMO", 125, "must be 1 to 65535" },
        { "run -p 8080:80 -p 8080:81 DEMO", 125, "already published" },
        { "run -p nonsense DEMO", 2, "--publish wants" },
        { "run -c abc DEMO", 2, "--cpus" },
        { "halt --time abc x", 2, "--time" },
        { "--host http://x ps", 2, "--host" },
        { "run", 2, "name what to run" },
        { "run --bad DEMO", 2, "--bad" },
        { "frobnicate", 2, "frobnicate" },
        { "halt nobody", 4, "there is no machine 'nobody'" },
        { "halt", 2, "--all" },
        { "logs nobody", 4, "there is no machine 'nobody'" },
        { "logs --tail x nobody", 2, "--tail wants" },
    };

    [Theory]
    [MemberData(nameof(Inputs))]
    public async Task Wrong_input_is_refused_in_one_line(string arguments, int exitCode, string says)
    {
        var result = await Vmctl.RunAsync(_daemon, [.. arguments.Split(' ').Select(Word)]);

        Assert.True(exitCode == result.ExitCode, $"exit {result.ExitCode}: {result.StandardError}");
        Assert.Contains(says, result.StandardError, StringComparison.Ordinal);
        Assert.All(result.StandardError.TrimEnd('\n').Split('\n'), line => Assert.StartsWith("vmctl: ", line, StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", result.StandardError, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', result.StandardError);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(_daemon.StateDir, "machines")));
        Assert.Equal("[]\n", await Vmctl.OkAsync(_daemon, "ls", "-o", "json"));
    }

    [Fact]
    public async Task A_port_that_somebody_listens_on_is_refused_before_the_boot()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);

        var result = await Vmctl.RunAsync(_daemon, "run", "-d", "-p", $"{port}:80", Path.Combine(Repository.Images, "demo"));

        Assert.Equal(125, result.ExitCode);
        Assert.Contains("spec.published_ports[0].host_port (--publish)", result.StandardError, StringComparison.Ordinal);
        Assert.Contains(port, result.StandardError, StringComparison.Ordinal);
        Assert.Equal("[]\n", await Vmctl.OkAsync(_daemon, "ls", "-o", "json"));
    }

    [Fact]
    public async Task A_name_that_is_taken_is_refused_and_the_one_who_has_it_runs_on()
    {
        var demo = Path.Combine(Repository.Images, "demo");
        await Vmctl.OkAsync(_daemon, "run", "-d", "-n", "taken", "-m", "128", demo);

        var result = await Vmctl.RunAsync(_daemon, "run", "-d", "-n", "taken", demo);

        Assert.Equal(125, result.ExitCode);
        Assert.Contains("'taken'", result.StandardError, StringComparison.Ordinal);
        Assert.Single((await Vmctl.OkAsync(_daemon, "ps")).TrimEnd('\n').Split('\n').Skip(1));
    }

    [Fact]
    public async Task Without_a_daemon_it_says_which_socket_and_how_to_start_one()
    {
        var result = await Vmctl.Command(Path.Combine(_daemon.Directory, "none.sock"), "ps").ExecuteBufferedAsync();

        Assert.Equal(3, result.ExitCode);
        Assert.Contains("there is no socket file", result.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_daemons_socket_is_told_apart_and_the_next_daemon_replaces_it()
    {
        await _daemon.KillAsync();

        var result = await Vmctl.RunAsync(_daemon, "ps");
        await _daemon.StartAsync();

        Assert.Equal(3, result.ExitCode);
        Assert.Contains("nobody listens", result.StandardError, StringComparison.Ordinal);
        await Vmctl.OkAsync(_daemon, "ps");
    }

    [Fact]
    public async Task A_daemon_that_hangs_is_told_from_one_that_is_not_there()
    {
        const int stop = 19;
        const int goOn = 18;
        Posix.Signals.Send(_daemon.Pid, stop);
        var result = await Vmctl.RunAsync(_daemon, "ls");
        Posix.Signals.Send(_daemon.Pid, goOn);

        Assert.Equal(3, result.ExitCode);
        Assert.Contains("timeout, it did not answer", result.StandardError, StringComparison.Ordinal);
        await Vmctl.OkAsync(_daemon, "ls");
    }

    [Fact]
    public async Task A_word_that_begins_with_an_at_sign_is_no_file_to_read_options_from()
    {
        var file = Path.Combine(_daemon.Directory, "secret");
        await File.WriteAllTextAsync(file, "hunter2");

        var result = await Vmctl.RunAsync(_daemon, "run", "@" + file);

        Assert.Equal(125, result.ExitCode);
        Assert.DoesNotContain("hunter2", result.StandardOutput + result.StandardError, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("ls")]
    [InlineData("halt nobody")]
    public async Task A_terminal_gets_text_and_no_control_sequences(string arguments)
    {
        // util-linux' script runs a command on a terminal of its own and copies what it shows.
        var shown = await CliWrap.Cli.Wrap("script")
            .WithArguments(["-qec", $"'{Repository.Published("vmctl")}' --host '{_daemon.Socket}' {arguments}", "/dev/null"])
            .WithValidation(CliWrap.CommandResultValidation.None)
            .ExecuteBufferedAsync();

        Assert.NotEmpty(shown.StandardOutput);
        Assert.DoesNotContain('\e', shown.StandardOutput);
    }

    [Fact]
    public async Task The_output_format_may_stand_before_the_verb() =>
        Assert.Equal("[]\n", await Vmctl.OkAsync(_daemon, "-o", "json", "ls"));

    [Fact]
    public async Task A_socket_path_that_is_too_long_is_said_before_anything_is_made()
    {
        var longPath = Path.Combine(_daemon.Directory, new string('x', 120));

        var daemon = await CliWrap.Cli.Wrap(Repository.Published("vmhostd"))
            .WithArguments(["--state-dir", Path.Combine(_daemon.Directory, "s3"), "--run-dir", longPath])
            .WithValidation(CliWrap.CommandResultValidation.None)
            .ExecuteBufferedAsync();
        var client = await Vmctl.Command(longPath, "ps").ExecuteBufferedAsync();

        Assert.Equal((2, 3), (daemon.ExitCode, client.ExitCode));
        Assert.Contains("103", daemon.StandardError, StringComparison.Ordinal);
        Assert.Contains("103", client.StandardError, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_daemon.Directory, "s3")));
    }

    [Theory]
    [InlineData("/nowhere/qemu", "is not there")]
    [InlineData("/etc/passwd", "is no executable program")]
    public async Task Without_a_usable_qemu_a_run_says_so_and_how_to_cure_it(string qemu, string why)
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync("--qemu", qemu);

        var result = await Vmctl.RunAsync(daemon, "run", "-d", Path.Combine(Repository.Images, "demo"));

        Assert.Equal(125, result.ExitCode);
        Assert.Contains(why, result.StandardError, StringComparison.Ordinal);
        Assert.Contains("--qemu", result.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_that_may_not_write_its_state_directory_says_which_and_ends()
    {
        Assert.SkipUnless(Environment.UserName == "root", "becoming another user takes root");
        var program = ReadableCopy("vmhostd");
        var theirs = Path.Combine(_daemon.Directory, "theirs");
        Directory.CreateDirectory(theirs);

        var result = await AsNobody(program, "--state-dir", Path.Combine(theirs, "s"), "--run-dir", Path.Combine(theirs, "r"));

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("--state-dir", result.StandardError, StringComparison.Ordinal);
        Assert.Contains("is denied", result.StandardError, StringComparison.Ordinal);
        Assert.Single(result.StandardError.TrimEnd('\n').Split('\n'));
        Assert.Empty(Directory.EnumerateFileSystemEntries(theirs));
    }

    [Fact]
    public async Task Another_user_is_told_that_permission_is_denied()
    {
        Assert.SkipUnless(Environment.UserName == "root", "becoming another user takes root");

        var result = await AsNobody(ReadableCopy("vmctl"), "--host", _daemon.Socket, "ps");

        Assert.Equal(6, result.ExitCode);
        Assert.Contains("permission", result.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_user_who_can_open_the_socket_is_refused_with_the_reason()
    {
        Assert.SkipUnless(Environment.UserName == "root", "becoming another user takes root");
        var program = ReadableCopy("vmctl");
        foreach (var directory in new[] { _daemon.Directory, _daemon.RunDir })
            File.SetUnixFileMode(directory, (UnixFileMode)Convert.ToInt32("755", 8));
        File.SetUnixFileMode(_daemon.Socket, (UnixFileMode)Convert.ToInt32("777", 8));

        var result = await AsNobody(program, "--host", _daemon.Socket, "ls");

        Assert.Equal(6, result.ExitCode);
        Assert.Contains("permission denied for user 65534: this vmhostd serves only its own user (0) and root", result.StandardError, StringComparison.Ordinal);
        Assert.Contains("A connection of user 65534 was refused", _daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_prints_the_command_line_and_runs_nothing()
    {
        var plan = await Vmctl.OkAsync(_daemon, "run", "--dry-run", "-m", "256", Path.Combine(Repository.Images, "demo"));

        Assert.Contains("qemu-system-x86_64 -no-user-config -nodefaults", plan, StringComparison.Ordinal);
        Assert.Equal("[]\n", await Vmctl.OkAsync(_daemon, "ls", "-o", "json"));
    }

    [Fact]
    public async Task A_second_daemon_is_refused_with_code_75_and_names_the_first()
    {
        var second = await CliWrap.Cli.Wrap(Repository.Published("vmhostd"))
            .WithArguments(["--state-dir", _daemon.StateDir, "--run-dir", Path.Combine(_daemon.Directory, "r2")])
            .WithValidation(CliWrap.CommandResultValidation.None)
            .ExecuteBufferedAsync();

        Assert.Equal(75, second.ExitCode);
        Assert.Contains($"(pid {_daemon.Pid})", second.StandardError, StringComparison.Ordinal);
        await Vmctl.OkAsync(_daemon, "ps");
    }

    [Fact]
    public async Task A_second_daemon_on_the_same_socket_is_refused_too()
    {
        var second = await CliWrap.Cli.Wrap(Repository.Published("vmhostd"))
            .WithArguments(["--state-dir", Path.Combine(_daemon.Directory, "s2"), "--run-dir", _daemon.RunDir])
            .WithValidation(CliWrap.CommandResultValidation.None)
            .ExecuteBufferedAsync();

        Assert.Equal(75, second.ExitCode);
        Assert.Contains("the socket", second.StandardError, StringComparison.Ordinal);
    }

    // A word of an input: DIR and DEMO are paths, LONG9 is that many letters, %41 is a byte, EMPTY is none.
    private string Word(string word)
    {
        if (word == "EMPTY")
            return "";
        if (word.StartsWith("LONG", StringComparison.Ordinal))
            return new string('x', int.Parse(word.AsSpan(4), CultureInfo.InvariantCulture));

        return Uri.UnescapeDataString(word
            .Replace("DIR", _daemon.Directory, StringComparison.Ordinal)
            .Replace("DEMO", Path.Combine(Repository.Images, "demo"), StringComparison.Ordinal));
    }

    // Where anybody may read it: the checkout may be private.
    private string ReadableCopy(string program)
    {
        var copy = Path.Combine(_daemon.Directory, program);
        File.Copy(Repository.Published(program), copy);
        File.SetUnixFileMode(_daemon.Directory, (UnixFileMode)Convert.ToInt32("755", 8));
        return copy;
    }

    private static async Task<BufferedCommandResult> AsNobody(string program, params string[] arguments) =>
        await CliWrap.Cli.Wrap("setpriv")
            .WithArguments(["--reuid", "65534", "--regid", "65534", "--clear-groups", program, .. arguments])
            .WithValidation(CliWrap.CommandResultValidation.None)
            .ExecuteBufferedAsync();
}
