using VmHost.Client;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>A person at a terminal: vmctl console and vmctl run, on a real terminal. The guest echoes what is typed.</summary>
public sealed class ConsoleSessionTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private const string ControlBracket = "\u001d";

    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task A_person_sees_what_was_shown_types_leaves_and_comes_back()
    {
        await _client.RunAsync(_daemon, "person", "text:before%1b%5b6n;echo");
        await _client.ConsoleShowsAsync("person", "before");

        using (var first = Console("console", "person"))
        {
            await first.ShowsAsync("before");
            await first.RawAsync();
            Assert.DoesNotContain("\u001b[6n", first.Shown, StringComparison.Ordinal);
            first.Type("hello\r");
            await first.ShowsAsync("hello");
            first.Type(ControlBracket);
            Assert.Equal(0, (await first.ExitAsync()).Code);
            Assert.Equal(first.Before, first.Settings);
            Assert.Contains("Left the console of person, which goes on", first.Shown, StringComparison.Ordinal);
        }

        using var second = Console("attach", "person");
        await second.ShowsAsync("hello");
        second.Type("exit\r");
        Assert.Equal(0, (await second.ExitAsync()).Code);
        Assert.Contains("person: powered off after ", second.Shown, StringComparison.Ordinal);
        Assert.Equal(second.Before, second.Settings);
    }

    [Fact]
    public async Task Escapes_of_the_guest_pass_as_they_are_once_attached()
    {
        await _client.RunAsync(_daemon, "editor", "ready;echo");
        using var console = Console("console", "editor");
        await console.RawAsync();

        console.Type("\u001b[1;31mred\u0003\u0004\u001a\r");

        await console.ShowsAsync("\u001b[1;31mred\u0003\u0004\u001a\r");
    }

    [Fact]
    public async Task A_run_on_a_terminal_sends_control_c_to_the_guest()
    {
        var spec = DaemonClient.Fake(_daemon, "ready;echo");
        using var run = Console("run", "-n", "typed", spec.Boot.TriplePrefix);
        await run.ShowsAsync("fakehv: ready");
        await run.RawAsync();

        run.Type("\u0003");
        await run.ShowsAsync("\u0003");
        Assert.Equal(MachineState.Running, (await _client.GetAsync("typed")).State);
        run.Type("\rexit\r");

        Assert.Equal(0, (await run.ExitAsync()).Code);
        Assert.Equal(run.Before, run.Settings);
    }

    [Fact]
    public async Task A_session_goes_on_over_a_killed_daemon()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "survivor", "ready;echo");
        using var console = TerminalSession.Start(Repository.Cli, "--host", daemon.Socket, "console", "survivor");
        await console.RawAsync();
        console.Type("live\r");
        await console.ShowsAsync("live\r");   // not only the replay was read

        await daemon.KillAsync();
        await console.ShowsAsync("waiting for it");
        console.Type("typed while it was away\r");
        await daemon.StartAsync();

        await console.ShowsAsync("typed while it was away\r");
        console.Type("exit\r");
        Assert.Equal(0, (await console.ExitAsync()).Code);
        Assert.Equal(console.Before, console.Settings);
    }

    [Fact]
    public async Task A_paste_of_100_KB_arrives_whole()
    {
        var machine = await _client.RunAsync(_daemon, "paste", "echo");
        using var console = Console("console", "paste");
        await console.ShowsAsync("The console of paste");
        await console.RawAsync();
        var paste = string.Concat(Enumerable.Range(0, 100_000 / 10).Select(number => $"{number:D9}\r"));

        console.Type(paste);
        await Eventually.TrueAsync(() => DaemonClient.Truth(_daemon, machine).Length == paste.Length, "all was echoed");

        Assert.Equal(paste, System.Text.Encoding.ASCII.GetString(DaemonClient.Truth(_daemon, machine)));
    }

    [Theory]
    [InlineData(Signals.Terminate)]
    [InlineData(Signals.Interrupt)]
    [InlineData(Signals.Hangup)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(12)]
    [InlineData(14)]
    [InlineData(24)]
    [InlineData(26)]
    public async Task A_signal_to_vmctl_leaves_the_terminal_as_it_was_and_the_machine_running(int signal)
    {
        var name = $"signal-{signal}";
        await _client.RunAsync(_daemon, name, "ready;echo");
        using var console = Console("console", name);
        await console.ShowsAsync("fakehv: ready");
        await console.RawAsync();

        Signals.Send(console.Pid, signal);

        await console.ExitAsync();
        Assert.Equal(console.Before, console.Settings);
        Assert.Equal(MachineState.Running, (await _client.GetAsync(name)).State);
    }

    [Fact]
    public async Task While_vmctl_is_stopped_the_terminal_is_as_it_was()
    {
        await _client.RunAsync(_daemon, "suspended", "ready;echo");
        using var console = Console("console", "suspended");
        await console.ShowsAsync("fakehv: ready");
        await console.RawAsync();
        var raw = console.Settings;

        Signals.Send(console.Pid, 20);   // SIGTSTP
        await Eventually.TrueAsync(async () => (await File.ReadAllTextAsync($"/proc/{console.Pid}/stat")).Contains(") T ", StringComparison.Ordinal), "it is stopped");
        Assert.Equal(console.Before, console.Settings);
        Signals.Send(console.Pid, 18);   // SIGCONT

        await Eventually.TrueAsync(() => console.Settings == raw, "the terminal is raw again");
        console.Type("again\rexit\r");
        await console.ShowsAsync("again");
        Assert.Equal(0, (await console.ExitAsync()).Code);
        Assert.Equal(console.Before, console.Settings);
    }

    [Fact]
    public async Task A_guest_that_takes_no_keys_can_be_left()
    {
        await _client.RunAsync(_daemon, "hung", "ready;hang");
        using var console = Console("console", "hung");
        await console.ShowsAsync("fakehv: ready");
        await console.RawAsync();

        console.Type(new string('x', 100_000));
        console.Type(ControlBracket);

        Assert.Equal(0, (await console.ExitAsync()).Code);
        Assert.Contains("Left the console of hung, which goes on", console.Shown, StringComparison.Ordinal);
        Assert.Equal(console.Before, console.Settings);
    }

    [Fact]
    public async Task Who_writes_waits_for_the_guest_longer_than_for_a_daemon()
    {
        var machine = await _client.RunAsync(_daemon, "slow", "sleep:1500;echo");
        var input = new ConsoleWriter(_client.Console, TimeProvider.System) { GiveUpAfter = TimeSpan.FromMilliseconds(100) };

        Assert.NotNull(await input.WriteAsync(machine.Id, new byte[60_000], TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_console_that_is_asked_for_nothing_of_before_shows_nothing_of_before()
    {
        await _client.RunAsync(_daemon, "nothing", "text:before;echo");
        await _client.ConsoleShowsAsync("nothing", "before");
        using var console = Console("console", "-n", "0", "nothing");
        await console.RawAsync();

        console.Type("now\r");

        await console.ShowsAsync("now");
        Assert.DoesNotContain("before", console.Shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_screen_is_shown_as_it_is_and_put_back_when_the_person_leaves()
    {
        // The alternate screen with a menu that was drawn twice, and no cursor.
        await _client.RunAsync(_daemon, "menu", "text:%1b[?1049h%1b[?25l%1b[H1%20Old%1b[2%3b1H2%20Rescue%1b[H1%20New;echo");
        await _client.ConsoleShowsAsync("menu", "1 New");
        using var console = Console("console", "menu");
        await console.ShowsAsync("1 New");
        await console.ShowsAsync("2 Rescue");
        await console.RawAsync();
        console.Type("\u001b[?1049h\u001b[?25l");
        await console.ShowsAsync("\u001b[?25l");
        Assert.DoesNotContain("Old", console.Shown, StringComparison.Ordinal);

        console.Type(ControlBracket);

        Assert.Equal(0, (await console.ExitAsync()).Code);
        Assert.Contains("\u001b[?1049l\u001b[?25h", console.Shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_see_the_same_and_a_reader_cannot_type()
    {
        var machine = await _client.RunAsync(_daemon, "shared", "ready;echo");
        using var writer = Console("console", "shared");
        using var reader = Console("console", "--read-only", "shared");
        await writer.ShowsAsync("fakehv: ready");
        await reader.ShowsAsync("fakehv: ready");
        await reader.RawAsync();
        await writer.RawAsync();

        reader.Type("never\r");
        writer.Type("both see it\r");

        await reader.ShowsAsync("both see it");
        await writer.ShowsAsync("both see it");
        reader.Type("\r~.");
        Assert.Equal(0, (await reader.ExitAsync()).Code);

        // The reader took all its keys before it left, and what is typed now comes behind whatever it sent.
        writer.Type("exit\r");
        Assert.Equal(0, (await writer.ExitAsync()).Code);
        Assert.Equal("fakehv: ready\r\nboth see it\rexit\r"u8.ToArray(), DaemonClient.Truth(_daemon, machine));
    }

    [Fact]
    public async Task Send_types_and_presses_enter()
    {
        var machine = await _client.RunAsync(_daemon, "sent", "ready;echo");

        using (var send = Console("send", "sent", "--no-enter", "ex"))
            Assert.Equal(0, (await send.ExitAsync()).Code);
        using (var send = Console("send", "sent", "it"))
            Assert.Equal(0, (await send.ExitAsync()).Code);

        await _client.WaitAsync(machine.Id);
        Assert.Equal("fakehv: ready\r\nexit\r"u8.ToArray(), DaemonClient.Truth(_daemon, machine));
        using var late = Console("send", "sent", "x");
        Assert.NotEqual(0, (await late.ExitAsync()).Code);
        await late.ShowsAsync("start it with: vmctl start sent");
    }

    [Fact]
    public async Task A_machine_that_does_not_run_has_no_console_to_type_at()
    {
        var machine = await _client.RunAsync(_daemon, "ended", "banner");
        await _client.WaitAsync(machine.Id);

        using var console = Console("console", "ended");

        Assert.Equal(5, (await console.ExitAsync()).Code);
        Assert.Contains("vmctl logs ended", console.Shown, StringComparison.Ordinal);
    }

    private TerminalSession Console(params string[] arguments) =>
        TerminalSession.Start(Repository.Cli, ["--host", _daemon.Socket, .. arguments]);
}
