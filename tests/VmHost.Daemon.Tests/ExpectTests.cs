using Google.Protobuf;
using Grpc.Core;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

public sealed class ExpectTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task Output_from_before_and_from_later_is_found_and_the_next_search_goes_on_behind_it()
    {
        await _client.RunAsync(_daemon, "dialog", "text:login:%20;echo");

        var prompt = await ExpectAsync("dialog", "login: ");
        Assert.Equal((0, "login: "), (prompt.Offset, prompt.Match.ToStringUtf8()));

        var answer = ExpectAsync("dialog", "[a-z]+ing", prompt.Offset + prompt.Match.Length);
        await _client.Console.WriteConsoleAsync(new() { Machine = "dialog", Data = ByteString.CopyFromUtf8("p") });
        await _client.Console.WriteConsoleAsync(new() { Machine = "dialog", Data = ByteString.CopyFromUtf8("ing\r") });
        Assert.Equal((9, "ping"), ((await answer).Offset, (await answer).Match.ToStringUtf8()));
    }

    [Fact]
    public async Task A_match_is_found_over_every_border_of_chunks_and_no_line_begins_where_there_is_none()
    {
        // One byte a write, so that chunks end anywhere; the last line stands far beyond the window.
        var machine = await _client.RunAsync(_daemon, "borders", "nonblock;lines:20000:0;text:the%20end");

        var last = await ExpectAsync("borders", @"^L00020000 [0-9a-f]{8}\nthe end\r$");
        await _client.WaitAsync(machine.Id);

        // A hypervisor drops what a terminal on a busy host does not take, so the offset is not known before.
        Assert.Equal(DaemonClient.Truth(_daemon, machine).AsSpan().LastIndexOf("L00020000 "u8), last.Offset);
        var none = await Assert.ThrowsAsync<RpcException>(() => ExpectAsync("borders", "^[0-9a-f]{8}\n"));
        Assert.Equal(StatusCode.FailedPrecondition, none.StatusCode);
        Assert.Equal(8, (await ExpectAsync("borders", "[0-9a-f]{8}$")).Match.Length);
    }

    [Fact]
    public async Task The_last_boots_output_is_looked_at_unless_an_offset_says_else()
    {
        var machine = await _client.RunAsync(_daemon, "boots", "banner");
        await _client.WaitAsync(machine.Id);
        await _client.Machines.StartMachineAsync(new() { Machine = "boots" });
        await _client.WaitAsync(machine.Id);

        Assert.Equal("fakehv ready\r\n".Length, (await ExpectAsync("boots", "ready")).Offset - "fakehv ".Length);
        Assert.Equal("fakehv ".Length, (await ExpectAsync("boots", "ready", 0)).Offset);
    }

    [Fact]
    public async Task What_does_not_come_is_waited_for_until_the_deadline()
    {
        await _client.RunAsync(_daemon, "silent", "banner;hang");

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _client.Console.ExpectConsoleAsync(
            new() { Machine = "silent", Pattern = "never" }, deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(300)));

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        using var vmctl = TerminalSession.Start(Repository.Cli, "--host", _daemon.Socket, "expect", "silent", "never", "--timeout", "0");
        Assert.Equal(124, (await vmctl.ExitAsync()).Code);
        Assert.Contains("did not show: never", vmctl.Shown, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rea", 0)]
    [InlineData("never", 124)]
    public async Task Without_time_what_is_there_by_now_decides(string pattern, int code)
    {
        var name = $"now-{pattern}";
        await _client.RunAsync(_daemon, name, "banner;hang");
        await _client.ConsoleShowsAsync(name, "ready");

        using var vmctl = TerminalSession.Start(Repository.Cli, "--host", _daemon.Socket, "expect", name, pattern, "--timeout", "0");

        Assert.Equal(code, (await vmctl.ExitAsync()).Code);
    }

    [Fact]
    public async Task A_match_is_printed_with_the_offset_behind_it()
    {
        await _client.RunAsync(_daemon, "printed", "banner;hang");

        using var vmctl = TerminalSession.Start(Repository.Cli, "--host", _daemon.Socket, "expect", "printed", "hv.rea");

        Assert.Equal(0, (await vmctl.ExitAsync()).Code);
        await vmctl.ShowsAsync("10 hv rea");
    }

    [Theory]
    [InlineData("", "1 to 1024 bytes")]
    [InlineData("(", "is no regular expression")]
    [InlineData("(a)\\1", "look-around, a back-reference")]
    [InlineData("(?=a)", "look-around, a back-reference")]
    [InlineData("(a{1000}){1000}", "too large")]
    public async Task A_pattern_that_cannot_be_used_is_refused(string pattern, string problem)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "any", "banner;hang");

        var error = await Assert.ThrowsAsync<RpcException>(async () => await client.Console.ExpectConsoleAsync(new() { Machine = "any", Pattern = pattern }, deadline: DaemonClient.Deadline));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains(problem, error.Status.Detail, StringComparison.Ordinal);
    }

    private async Task<Protocol.V1.ExpectConsoleResponse> ExpectAsync(string machine, string pattern, long? offset = null)
    {
        var request = new Protocol.V1.ExpectConsoleRequest { Machine = machine, Pattern = pattern };
        if (offset is { } given)
            request.Offset = given;
        return await _client.Console.ExpectConsoleAsync(request, deadline: DaemonClient.Deadline);
    }
}
