using System.Text.Json;
using CliWrap;
using CliWrap.Buffered;
using Google.Protobuf;
using Grpc.Core;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Many read a console, one types: who that is, who is told, and what becomes of it when the daemon dies.</summary>
public sealed class KeyboardTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private const string ControlBracket = "\u001d";

    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task The_writer_keeps_others_from_writing_unless_they_force_it()
    {
        await _client.RunAsync(_daemon, "held", "ready;echo");
        await using var ann = await AttachedClient.OpenAsync(_client.Console, "held");

        var refused = await Assert.ThrowsAsync<RpcException>(() => TypeAsync("held", "x"));
        Assert.Equal(StatusCode.Aborted, refused.StatusCode);
        Assert.Contains("ann types at the console of held since ", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(StatusCode.Aborted, (await Assert.ThrowsAsync<RpcException>(() => AttachedClient.OpenAsync(_client.Console, "held", "bob"))).StatusCode);
        Assert.Equal(StatusCode.Aborted, (await Assert.ThrowsAsync<RpcException>(async () => await _client.Console.ResizeConsoleAsync(new() { Machine = "held", Columns = 80, Rows = 25 }))).StatusCode);

        await ann.TypeAsync("hers ");
        await _client.ConsoleShowsAsync("held", "hers ");
        await _client.Console.WriteConsoleAsync(new() { Machine = "held", Data = ByteString.CopyFromUtf8("forced "), Force = true });
        await _client.ConsoleShowsAsync("held", "hers forced ");
    }

    [Fact]
    public async Task A_writer_that_leaves_is_forgotten()
    {
        await _client.RunAsync(_daemon, "left", "ready;echo");
        await using (var ann = await AttachedClient.OpenAsync(_client.Console, "left"))
            Assert.True(ann.Console.IsWriter);

        await Eventually.TrueAsync(async () =>
        {
            try
            {
                await TypeAsync("left", "free");
                return true;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
            {
                return false;   // the end of her call is under way
            }
        }, "any client may write again");
    }

    [Fact]
    public async Task A_second_person_is_told_who_types_and_may_take_over()
    {
        var machine = await _client.RunAsync(_daemon, "two", "ready;echo");
        using var first = Console("console", "two");
        await first.RawAsync();
        first.Type("mine ");
        await first.ShowsAsync("mine ");

        using (var second = Console("console", "two"))
        {
            Assert.Equal(5, (await second.ExitAsync()).Code);
            await second.ShowsAsync("types at the console of two since ");
            await second.ShowsAsync("vmctl console --force two");
        }

        using (var send = Console("send", "two", "not now"))
        {
            Assert.Equal(5, (await send.ExitAsync()).Code);
            await send.ShowsAsync("vmctl send --force");
        }

        using var third = Console("console", "--force", "two");
        await first.ShowsAsync(" types now; you read along at two");
        await third.RawAsync();
        third.Type("now mine\r");
        await third.ShowsAsync("now mine");
        await first.ShowsAsync("now mine");
        first.Type("lost");
        first.Type(ControlBracket);
        Assert.Equal(0, (await first.ExitAsync()).Code);
        Assert.Equal(first.Before, first.Settings);

        third.Type("exit\r");
        Assert.Equal(0, (await third.ExitAsync()).Code);
        Assert.Equal("fakehv: ready\r\nmine now mine\rexit\r"u8.ToArray(), DaemonClient.Truth(_daemon, machine));
    }

    [Fact]
    public async Task The_terminals_size_reaches_the_machines_and_its_next_boots()
    {
        var machine = await _client.RunAsync(_daemon, "sized", "ready;echo");
        await _client.Console.ResizeConsoleAsync(new() { Machine = "sized", Columns = 132, Rows = 43 });

        Assert.Equal("43 132", await SizeAsync(machine.HypervisorPid));
        Assert.Equal(43, (await _client.Console.GetConsoleScreenAsync(new() { Machine = "sized" })).Lines.Count);

        await _client.Machines.KillMachineAsync(new() { Machine = "sized" });
        var again = (await _client.Machines.StartMachineAsync(new() { Machine = "sized" })).Machine;
        await Eventually.TrueAsync(async () => await SizeAsync(again.HypervisorPid) == "43 132", "the next boot's terminal has the size");
    }

    [Fact]
    public async Task A_recording_has_what_was_shown_and_is_never_written_over()
    {
        await _client.RunAsync(_daemon, "recorded", "text:before;echo");
        await _client.ConsoleShowsAsync("recorded", "before");
        var path = Path.Combine(_daemon.Directory, "recorded.cast");
        using (var console = Console("console", "--record", path, "recorded"))
        {
            await console.RawAsync();
            console.Type("typed \u001b[1mbold\r");
            await console.ShowsAsync("bold\r");
            console.Type("exit\r");
            Assert.Equal(0, (await console.ExitAsync()).Code);
        }

        var lines = (await File.ReadAllLinesAsync(path, TestContext.Current.CancellationToken)).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var shown = string.Concat(lines.Skip(1).Where(one => one[1].GetString() == "o").Select(one => one[2].GetString()));
        Assert.Equal("before\r\ntyped \u001b[1mbold\rexit\r", shown);

        await _client.RunAsync(_daemon, "again", "ready;echo");
        using var refused = Console("console", "--record", path, "again");
        await refused.ShowsAsync($"--record: {path} is there already; name another file");
        Assert.Equal(2, (await refused.ExitAsync()).Code);
    }

    [Fact]
    public async Task A_persons_window_is_told_to_the_terminal_of_the_machine()
    {
        var machine = await _client.RunAsync(_daemon, "window", "ready;echo");
        using var console = Console("console", "window");
        await console.RawAsync();

        console.Resize(columns: 101, rows: 33);

        await Eventually.TrueAsync(async () => await SizeAsync(machine.HypervisorPid) == "33 101", "the size has arrived");
    }

    [Theory]
    [InlineData(0, 24, "columns")]
    [InlineData(80, 1001, "rows")]
    public async Task A_size_out_of_range_is_refused(int columns, int rows, string field)
    {
        await _client.RunAsync(_daemon, $"range{columns}", "hang");

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await _client.Console.ResizeConsoleAsync(new() { Machine = $"range{columns}", Columns = columns, Rows = rows }));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains(field, refused.Status.Detail, StringComparison.Ordinal);
    }

    // As the hypervisor sees it: stty's words for rows and columns of its fd 0.
    private static async Task<string> SizeAsync(int hypervisor)
    {
        var stty = await CliWrap.Cli.Wrap("stty").WithArguments(["-F", $"/proc/{hypervisor}/fd/0", "size"])
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();
        return stty.StandardOutput.Trim();
    }

    private async Task TypeAsync(string machine, string text) =>
        await _client.Console.WriteConsoleAsync(new() { Machine = machine, Data = ByteString.CopyFromUtf8(text) });

    private TerminalSession Console(params string[] arguments) =>
        TerminalSession.Start(Repository.Cli, ["--host", _daemon.Socket, .. arguments]);
}
