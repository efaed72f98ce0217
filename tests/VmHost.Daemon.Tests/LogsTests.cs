using CliWrap;
using CliWrap.Buffered;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>vmctl logs and vmctl screen, of machines with several boots.</summary>
public sealed class LogsTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task A_boot_is_shown_alone_with_its_times_or_by_its_lines()
    {
        await BootTwiceAsync("boots", "text:one;text:panic%20two;sleep:300;text:three;stderr:said");

        Assert.Equal("one\r\npanic two\r\nthree\r\none\r\npanic two\r\nthree\r\n", await LogsAsync("boots"));
        Assert.Equal("one\r\npanic two\r\nthree\r\n", await LogsAsync("boots", "--boot"));
        Assert.Equal("one\r\npanic two\r\nthree\r\n", await LogsAsync("--boot", "boots"));
        Assert.Equal("three\r\n", await LogsAsync("boots", "--boot=-1", "--tail", "1"));
        Assert.Equal("boots | panic two\nboots | panic two\n", await LogsAsync("boots", "--grep", "^panic", "--prefix"));
        Assert.Equal("said\n", await LogsAsync("boots", "--source", "hypervisor"));

        var times = (await LogsAsync("boots", "--boot", "-t")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["one", "panic two", "three"], times.Select(line => line[25..]));
        var written = times.Select(line => DateTimeOffset.Parse(line[..24], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.InRange(written[2] - written[0], TimeSpan.FromMilliseconds(150), TimeSpan.FromSeconds(60));

        // Two parts that meet: nothing is left out and nothing comes twice.
        var middle = written[2].AddMilliseconds(-100).UtcDateTime.ToString("O");
        var parts = await LogsAsync("boots", "--until", middle) + await LogsAsync("boots", "--since", middle);
        Assert.Equal(await LogsAsync("boots"), parts);
        Assert.EndsWith("three\r\n", await LogsAsync("boots", "--since", middle), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_and_output_are_told_apart_where_all_is_shown()
    {
        await BootTwiceAsync("all", "text:out;stderr:said");

        var lines = (await LogsAsync("all", "--source", "all")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal("hypervisor | said", lines[0]);
        Assert.Equal(["console | out", "console | out"], lines[^2..]);
        Assert.All(lines[1..^2], line => Assert.StartsWith("events | ", line, StringComparison.Ordinal));
        Assert.Contains(lines, line => line.EndsWith("all started", StringComparison.Ordinal) || line.Contains("running", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Several_machines_are_told_apart_and_one_that_is_not_there_keeps_no_other_from_it()
    {
        await BootTwiceAsync("left", "text:l");
        await BootTwiceAsync("right", "text:r");

        var shown = await RunAsync("logs", "left", "nobody", "right", "--boot");

        Assert.Equal("left | l\nright | r\n", shown.StandardOutput);
        Assert.Contains("nobody", shown.StandardError, StringComparison.Ordinal);
        Assert.Equal(4, shown.ExitCode);
    }

    [Fact]
    public async Task Following_goes_over_the_guests_reboot_and_marks_it()
    {
        await _client.RunAsync(_daemon, "reboots", "text:begin;sleep:200;reboot");

        using var logs = TerminalSession.Start(Repository.Cli, "--host", _daemon.Socket, "logs", "-f", "reboots");
        await logs.ShowsAsync("--- reboots: boot 2, ");

        await _client.Machines.KillMachineAsync(new() { Machine = "reboots" });
        Assert.Equal(0, (await logs.ExitAsync()).Code);
        Assert.Equal(1, Count(logs.Shown[..logs.Shown.IndexOf("--- reboots: boot 2", StringComparison.Ordinal)], "begin"));
    }

    [Fact]
    public async Task Several_machines_are_followed_to_their_ends()
    {
        await _client.RunAsync(_daemon, "first", "echo");
        await _client.RunAsync(_daemon, "second", "echo");
        using var logs = TerminalSession.Start(Repository.Cli, "--host", _daemon.Socket, "logs", "-f", "first", "second");
        foreach (var (turn, name) in ((string[])["first", "second", "first"]).Index())
        {
            await _client.Console.WriteConsoleAsync(new() { Machine = name, Data = Google.Protobuf.ByteString.CopyFromUtf8($"typed {turn}\n") });
            await logs.ShowsAsync($"{name} | typed {turn}");
        }

        foreach (var name in (string[])["first", "second"])
            await _client.Console.WriteConsoleAsync(new() { Machine = name, Data = Google.Protobuf.ByteString.CopyFromUtf8("exit\n") });

        Assert.Equal(0, (await logs.ExitAsync()).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_terminal_gets_escapes_only_if_it_is_asked_for_them(bool raw)
    {
        var name = $"raw-{raw}".ToLowerInvariant();
        await _client.RunAsync(_daemon, name, "text:%1b]0%3btitle%07%1b[6nplain");
        await _client.WaitAsync(name);
        using var logs = TerminalSession.Start(Repository.Cli, ["--host", _daemon.Socket, "logs", name, .. raw ? (string[])["--raw"] : []]);

        Assert.Equal(0, (await logs.ExitAsync()).Code);

        await logs.ShowsAsync("plain");
        Assert.Equal(raw, logs.Shown.Contains("\u001b]0;title\u0007\u001b[6nplain", StringComparison.Ordinal));
        Assert.Equal(raw, logs.Shown.Contains('\u001b', StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_mistake_leaves_no_file()
    {
        var path = Path.Combine(_daemon.Directory, "nobodys.log");

        Assert.Equal(4, (await RunAsync("logs", "nobody", "--output-file", path)).ExitCode);

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_file_gets_every_byte_and_one_that_is_there_is_kept()
    {
        var machine = await _client.RunAsync(_daemon, "file", "garbage:100000:3");
        await _client.WaitAsync("file");
        var path = Path.Combine(_daemon.Directory, "file.log");

        await LogsAsync("file", "--output-file", path);
        Assert.Equal(DaemonClient.Truth(_daemon, machine), await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));

        var again = await RunAsync("logs", "file", "--output-file", path);
        Assert.Equal($"vmctl: --output-file: {path} is there already; name another file\n", again.StandardError);
        Assert.Equal(2, again.ExitCode);
        Assert.Equal(DaemonClient.Truth(_daemon, machine), await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("no console output of boot 9 is kept, only of 1 to 2", "--boot=9")]
    [InlineData("--boot wants a number or 'all', not 'soon'", "--boot=soon")]
    [InlineData("--grep wants a regular expression", "--grep", "(")]
    [InlineData("--tail and --since both say where to begin", "--tail", "3", "--since", "1h")]
    [InlineData("is shown as a whole", "--source", "hypervisor", "-f")]
    [InlineData("--tail and --boot choose console output", "--tail", "3", "--source", "events")]
    [InlineData("--tail and --boot choose console output", "--boot=1", "--source", "all")]
    public async Task What_cannot_be_shown_is_said(string said, params string[] arguments)
    {
        var name = $"said-{string.Concat(string.Concat(arguments).Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant()}";
        await BootTwiceAsync(name, "text:x");

        var shown = await RunAsync(["logs", name, .. arguments]);

        Assert.Contains(said, shown.StandardError, StringComparison.Ordinal);
        Assert.Equal(2, shown.ExitCode);
    }

    [Theory]
    [InlineData]
    [InlineData("--boot", "1")]
    [InlineData("--boot")]
    public async Task Without_a_machine_one_is_asked_for(params string[] arguments)
    {
        var shown = await RunAsync(["logs", .. arguments]);

        Assert.Equal("vmctl: name the machine whose output is to be shown; vmctl ls lists them\n", shown.StandardError);
        Assert.Equal(2, shown.ExitCode);
    }

    [Fact]
    public async Task What_a_hypervisor_said_in_another_boot_is_not_the_last_ones()
    {
        var machine = await _client.RunAsync(_daemon, "older", "stderr:said");
        await _client.WaitAsync("older");
        await File.WriteAllTextAsync(Path.Combine(_daemon.MachineDirectory(machine.Id), "hypervisor.log.1"), "of the boot before\n", TestContext.Current.CancellationToken);
        Assert.Equal("of the boot before\nsaid\n", await LogsAsync("older", "--source", "hypervisor"));

        await _client.Machines.StartMachineAsync(new() { Machine = "older" });
        await _client.WaitAsync("older");

        Assert.Equal("said\n", await LogsAsync("older", "--source", "hypervisor"));
    }

    [Fact]
    public async Task The_screen_is_the_last_boots()
    {
        await BootTwiceAsync("screen", "text:first%1b%5b2J%1b%5b3%3b5Hhere%1b%5b31mred");

        Assert.Equal("\n\n    herered\n", (await RunAsync("screen", "screen")).StandardOutput);
        var screen = await _client.Console.GetConsoleScreenAsync(new() { Machine = "screen", Columns = 6, Rows = 3 });
        Assert.Equal(["    he", "rered", ""], screen.Lines);
        Assert.Contains("    herered", (await _client.GetAsync("screen")).LastExit.LastScreen);
    }

    private async Task BootTwiceAsync(string name, string steps)
    {
        await _client.RunAsync(_daemon, name, steps);
        await _client.WaitAsync(name);
        await _client.Machines.StartMachineAsync(new() { Machine = name });
        await _client.WaitAsync(name);
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private async Task<string> LogsAsync(params string[] arguments)
    {
        var shown = await RunAsync(["logs", .. arguments]);
        Assert.True(shown.ExitCode == 0, shown.StandardError);
        return shown.StandardOutput;
    }

    private async Task<BufferedCommandResult> RunAsync(params string[] arguments) =>
        await CliWrap.Cli.Wrap(Repository.Cli).WithArguments(["--host", _daemon.Socket, .. arguments])
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();
}
