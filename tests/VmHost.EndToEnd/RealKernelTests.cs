using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using CliWrap;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>Published programs, real QEMU, a real Linux kernel.</summary>
[Collection("one guest at a time: two cores, and QEMU emulates in software")]
public sealed class RealKernelTests
{
    private static readonly string Demo = Path.Combine(Repository.Images, "demo");
    private static readonly string TestGuest = Path.Combine(Repository.Images, "testguest");

    [Fact]
    public async Task Redis_answers_pong_and_a_halt_powers_the_guest_off()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        var port = FreePort().ToString(CultureInfo.InvariantCulture);

        Assert.Equal("redis\n", await Vmctl.OkAsync(daemon, "run", "-d", "-n", "redis", "-m", "256", "-p", $"{port}:6379", Demo));
        await Eventually.TrueAsync(() => PongsAsync(int.Parse(port, CultureInfo.InvariantCulture)), "redis answers PING");

        Assert.Contains("redis", await Vmctl.OkAsync(daemon, "ps"), StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => (await Vmctl.OkAsync(daemon, "logs", "redis")).Contains("/ # ", StringComparison.Ordinal), "the prompt is there");
        Assert.Equal("redis\n", await Vmctl.OkAsync(daemon, "halt", "redis"));
        Assert.Equal("power_off (0)\n", await Vmctl.OkAsync(daemon, "wait", "redis"));
        Assert.DoesNotContain("redis", await Vmctl.OkAsync(daemon, "ps"), StringComparison.Ordinal);
        await Vmctl.OkAsync(daemon, "rm", "redis");
    }

    [Fact]
    public async Task Who_waits_for_a_port_may_connect_at_once()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        var port = FreePort();

        // QEMU itself takes connections from its start on, two seconds and more before redis does.
        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "ready", "-m", "256", "-p", string.Create(CultureInfo.InvariantCulture, $"{port}:6379"), "--wait", "tcp:6379", "--timeout", "150", Demo);

        Assert.True(await PongsAsync(port));
    }

    [Fact]
    public async Task A_paste_of_100_KB_arrives_whole_in_the_guest()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "paste", "-m", "256", Demo);
        await Vmctl.OkAsync(daemon, "expect", "paste", "/ # ", "--timeout", "150");
        var paste = string.Concat(Enumerable.Range(0, 100_000 / 20).Select(number => $"a line of 20 B {number:D4}\n"[1..]));

        await Vmctl.OkAsync(daemon, "send", "paste", "stty -echo; cat >/tmp/paste; sha256sum /tmp/paste");
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3), TimeProvider.System);
        await (paste | Vmctl.Command(daemon.Socket, "send", "paste", "-")).ExecuteAsync(limit.Token);
        await Vmctl.OkAsync(daemon, "send", "--no-enter", "paste", "\u0004");

        var shown = await Vmctl.OkAsync(daemon, "expect", "paste", "[0-9a-f]{64}  /tmp/paste", "--timeout", "150");
        var sum = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(paste)));
        Assert.Contains(sum, shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_byte_values_pass_from_the_guest_to_logs()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await RunAsync(daemon, "bytes", "bytes,poweroff");
        await Vmctl.OkAsync(daemon, "wait", "bytes");

        var logs = await Vmctl.OkAsync(daemon, "logs", "bytes");

        var begin = logs.IndexOf("BYTES-BEGIN", StringComparison.Ordinal) + "BYTES-BEGIN".Length;
        var data = logs[begin..logs.IndexOf("BYTES-END", StringComparison.Ordinal)].TrimStart('\r');
        var all = string.Concat(Enumerable.Range(0, 256).Select(value => (char)value));
        Assert.Contains(string.Concat(Enumerable.Repeat(all, 16)), data, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("poweroff", "", "power_off (0)\n", 0)]
    [InlineData("halt", "", "halt (signal 9)\n", 0)]
    [InlineData("reboot", "", "reset (0)\n", 10)]
    [InlineData("panic", "panic=-1", "panic (0)\n", 11)]
    public async Task The_way_a_guest_ends_is_told(string action, string append, string reason, int exitCode)
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await RunAsync(daemon, "ends", action, append, "--on-reboot", "stop");

        var wait = await Vmctl.RunAsync(daemon, "wait", "ends");

        Assert.Equal((reason, exitCode), (wait.StandardOutput, wait.ExitCode));
    }

    [Fact]
    public async Task Twenty_kills_of_the_daemon_while_the_guest_prints_lose_no_line()
    {
        const int lines = 80_000;
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await RunAsync(daemon, "lines", $"lines:{lines},wait");
        await Eventually.TrueAsync(async () => (await Vmctl.OkAsync(daemon, "logs", "lines")).Contains("testguest ready", StringComparison.Ordinal), "the guest is up");

        var random = new Random(7);
        for (var kill = 0; kill < 20; kill++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(300)), TimeProvider.System, CancellationToken.None);
            await daemon.KillAsync();
            await daemon.StartAsync();
        }

        var last = string.Create(CultureInfo.InvariantCulture, $"L{lines:D8} ");
        await Eventually.TrueAsync(async () => (await Vmctl.OkAsync(daemon, "logs", "--tail", "3", "lines")).Contains(last, StringComparison.Ordinal), "the last line is there");
        await Vmctl.OkAsync(daemon, "halt", "lines");

        var numbered = (await Vmctl.OkAsync(daemon, "logs", "lines")).Split('\n').Where(line => line.StartsWith('L') && line.Length > 9 && char.IsAsciiDigit(line[1])).Select(line => line.TrimEnd('\r'));
        Assert.Equal(Enumerable.Range(1, lines).Select(Line), numbered);
    }

    [Fact]
    public async Task A_paused_guest_stands_still_and_a_halt_wakes_it()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await RunAsync(daemon, "still", "slow:100000:20,wait");
        await Eventually.TrueAsync(async () => (await Vmctl.OkAsync(daemon, "logs", "still")).Contains("L00000003", StringComparison.Ordinal), "it prints");

        await Vmctl.OkAsync(daemon, "pause", "still");
        await daemon.KillAsync();
        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await Vmctl.OkAsync(daemon, "ls")).Contains("paused", StringComparison.Ordinal), "the next daemon knows that it is paused");
        var before = await Vmctl.OkAsync(daemon, "logs", "still");
        await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal(before, await Vmctl.OkAsync(daemon, "logs", "still"));

        await Vmctl.OkAsync(daemon, "resume", "still");
        await Eventually.TrueAsync(async () => (await Vmctl.OkAsync(daemon, "logs", "still")).Length > before.Length, "it goes on");
        await Vmctl.OkAsync(daemon, "pause", "still");
        await Vmctl.OkAsync(daemon, "halt", "still");
        Assert.Equal("power_off (0)\n", await Vmctl.OkAsync(daemon, "wait", "still"));
    }

    [Fact]
    public async Task A_foreground_run_shows_the_console_and_ends_as_the_guest_did()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();

        var run = await Vmctl.RunAsync(daemon, "run", "--rm", "-m", "128", "--cmdline", "console=ttyS0 quiet vmhost.test=poweroff", TestGuest);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("testguest ready", run.StandardOutput, StringComparison.Ordinal);
        Assert.StartsWith("testguest: powered off after ", run.StandardError, StringComparison.Ordinal);
        Assert.Equal("[]\n", await Vmctl.OkAsync(daemon, "ls", "-o", "json"));
    }

    [Fact]
    public async Task Sigterm_to_a_foreground_run_halts_the_guest()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        var command = Vmctl.Command(daemon.Socket, "run", "-m", "128", "-n", "fg", TestGuest);
        var error = new StringBuilder();
        var seen = new TaskCompletionSource();
        var running = (command | (Seen("testguest ready", seen), PipeTarget.ToStringBuilder(error))).ExecuteAsync();

        await seen.Task.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System);
        Posix.Signals.Send(running.ProcessId, Posix.Signals.Terminate);

        Assert.Equal(0, (await running).ExitCode);
        Assert.Contains("asked fg to halt", error.ToString(), StringComparison.Ordinal);
        Assert.Contains("fg: ", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_signal_to_a_foreground_run_kills_the_guest()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        var seen = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        var command = Vmctl.Command(daemon.Socket, "run", "-m", "128", "-n", "deaf", "--cmdline", "console=ttyS0 quiet vmhost.test=ignorebutton", TestGuest);
        var running = (command | (Seen("testguest ready", seen), Seen("asked deaf to halt", asked))).ExecuteAsync();
        await seen.Task.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System);

        Posix.Signals.Send(running.ProcessId, Posix.Signals.Terminate);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System);
        Posix.Signals.Send(running.ProcessId, Posix.Signals.Terminate);

        Assert.Equal(128 + 9, (await running).ExitCode);
    }

    [Fact]
    public async Task A_follower_whose_reader_went_away_ends()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await RunAsync(daemon, "chatty", "slow:100000:20,wait");

        // `head` closes the pipe after one line; a shell gives vmctl's own exit code.
        var shell = await CliWrap.Cli.Wrap("bash")
            .WithArguments(["-c", $"timeout 60 '{Repository.Published("vmctl")}' --host '{daemon.Socket}' logs -f chatty | head -1; exit ${{PIPESTATUS[0]}}"])
            .WithValidation(CommandResultValidation.None)
            .ExecuteAsync();

        Assert.Equal(0, shell.ExitCode);
    }

    private static PipeTarget Seen(string text, TaskCompletionSource seen) =>
        PipeTarget.ToDelegate(line =>
        {
            if (line.Contains(text, StringComparison.Ordinal))
                seen.TrySetResult();
        });

    private static Task<string> RunAsync(DaemonProcess daemon, string name, string actions, string append = "", params string[] more) =>
        Vmctl.OkAsync(daemon, ["run", "-d", "-n", name, "-m", "128", "--cmdline", $"console=ttyS0 quiet loglevel=1 cryptomgr.notests vmhost.test={actions} {append}".TrimEnd(), .. more, TestGuest]);

    private static string Line(int number) =>
        string.Create(CultureInfo.InvariantCulture, $"L{number:D8} {unchecked((uint)number * 2654435761u):x8}");

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    // User-mode networking takes a connection before the guest listens: only an answer counts.
    internal static async Task<bool> PongsAsync(int port)
    {
        using var client = new TcpClient();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), TimeProvider.System);
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, limit.Token);
            await client.GetStream().WriteAsync("PING\r\n"u8.ToArray(), limit.Token);
            var answer = new byte[7];
            await client.GetStream().ReadExactlyAsync(answer, limit.Token);
            return Encoding.ASCII.GetString(answer) == "+PONG\r\n";
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            return false;
        }
    }
}
