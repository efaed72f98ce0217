using System.Net.Sockets;
using VmHost.Supervision.Qmp;
using VmHost.TestKit;

namespace VmHost.Tests.Supervision.Qmp;

public sealed class QmpMonitorTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<string> _events = [];

    public QmpMonitorTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.Combine("q")));
        _listener.Listen();
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _listener.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Answers_find_their_commands_whatever_their_order()
    {
        var (monitor, qemu) = await ConnectAsync();
        await using var _ = monitor;
        var first = monitor.ExecuteAsync("query-status", Ct);
        var (firstCommand, firstId) = await qemu.HearAsync();
        var second = monitor.AskHumanAsync("info registers -a", Ct);
        var (secondCommand, secondId) = await qemu.HearAsync();

        await qemu.SayAsync($$"""{"return": "registers", "id": {{secondId}}}""");
        await qemu.SayAsync($$"""{"return": {"status": "running"}, "id": {{firstId}}}""");

        Assert.Equal(("query-status", "human-monitor-command"), (firstCommand, secondCommand));
        Assert.Equal("registers", await second);
        Assert.Equal("running", (await first).GetProperty("status").GetString());
    }

    // A daemon that was killed may have asked something whose answer comes to the next one.
    [Theory]
    [InlineData("""{"return": {"status": "paused"}, "id": "another-daemons"}""")]
    [InlineData("""{"return": {"status": "paused"}, "id": 1}""")]
    [InlineData("""{"return": {"status": "paused"}}""")]
    [InlineData("""{"error": {"class": "GenericError", "desc": "another client's"}}""")]
    public async Task An_answer_to_another_client_is_dropped(string foreign)
    {
        var (monitor, qemu) = await ConnectAsync();
        await using var _ = monitor;
        var asking = monitor.ExecuteAsync("query-status", Ct);
        var (_, id) = await qemu.HearAsync();

        await qemu.SayAsync(foreign);
        await qemu.SayAsync($$"""{"return": {"status": "running"}, "id": {{id}}}""");

        Assert.Equal("running", (await asking).GetProperty("status").GetString());
    }

    [Fact]
    public async Task The_ids_of_two_connections_differ()
    {
        var (first, firstQemu) = await ConnectAsync();
        await using var _ = first;
        var (second, secondQemu) = await ConnectAsync();
        await using var __ = second;

        var asking = (first.ExecuteAsync("stop", Ct), second.ExecuteAsync("stop", Ct));
        var ids = ((await firstQemu.HearAsync()).Id, (await secondQemu.HearAsync()).Id);

        Assert.NotEqual(ids.Item1, ids.Item2);
        await firstQemu.SayAsync($$"""{"return": {}, "id": {{ids.Item1}}}""");
        await secondQemu.SayAsync($$"""{"return": {}, "id": {{ids.Item2}}}""");
        await Task.WhenAll(asking.Item1, asking.Item2);
    }

    [Fact]
    public async Task An_answer_that_is_given_up_comes_to_nobody_and_the_connection_stays()
    {
        var (monitor, qemu) = await ConnectAsync();
        await using var _ = monitor;
        using var giveUp = new CancellationTokenSource();
        var asking = monitor.ExecuteAsync("query-status", giveUp.Token);
        var (_, late) = await qemu.HearAsync();
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);

        var next = monitor.ExecuteAsync("query-status", Ct);
        var (_, id) = await qemu.HearAsync();
        await qemu.SayAsync($$"""{"return": {"status": "paused"}, "id": {{late}}}""");
        await qemu.SayAsync($$"""{"return": {"status": "running"}, "id": {{id}}}""");

        Assert.Equal("running", (await next).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_refusal_has_qemus_words_and_the_connection_stays()
    {
        var (monitor, qemu) = await ConnectAsync();
        await using var _ = monitor;
        var asking = monitor.ExecuteAsync("nonsense", Ct);
        var (_, id) = await qemu.HearAsync();
        await qemu.SayAsync($$"""{"error": {"class": "CommandNotFound", "desc": "The command nonsense has not been found"}, "id": {{id}}}""");

        Assert.Equal("QEMU refused nonsense: The command nonsense has not been found", (await Assert.ThrowsAsync<QmpException>(() => asking)).Message);
        Assert.False(monitor.Closed.IsCompleted);
    }

    [Fact]
    public async Task Events_come_in_order_also_before_the_answer_of_the_command_that_caused_one()
    {
        var (monitor, qemu) = await ConnectAsync();
        await using var _ = monitor;
        await qemu.SayEventAsync("STOP");
        await qemu.SayEventAsync("RESUME");
        await Eventually.TrueAsync(() => Seen.Count == 2, "both events came");

        var stopping = monitor.ExecuteAsync("stop", Ct);
        var (_, id) = await qemu.HearAsync();
        await qemu.SayEventAsync("STOP");
        await qemu.SayAsync($$"""{"return": {}, "id": {{id}}}""");
        await stopping;
        await qemu.SayEventAsync("SHUTDOWN", """{"guest": true, "reason": "guest-reset"}""");
        await Eventually.TrueAsync(() => Seen.Count == 4, "all events came");

        Assert.Equal(["STOP", "RESUME", "STOP", "SHUTDOWN"], Seen);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[1]")]
    [InlineData("{\"event\": \"STOP\"")]
    public async Task What_is_no_message_ends_the_connection_and_those_who_wait_are_told(string line)
    {
        var (monitor, qemu) = await ConnectAsync();
        await using var _ = monitor;
        var asking = monitor.ExecuteAsync("query-status", Ct);
        await qemu.HearAsync();

        await qemu.SayAsync(line);

        await Assert.ThrowsAsync<IOException>(() => asking.WaitAsync(TimeSpan.FromSeconds(60), Ct));
        await monitor.Closed.WaitAsync(TimeSpan.FromSeconds(60), Ct);
        await Assert.ThrowsAsync<IOException>(() => monitor.ExecuteAsync("query-status", Ct));
    }

    [Fact]
    public async Task A_line_without_end_ends_the_connection()
    {
        var (monitor, qemu) = await ConnectAsync();
        await using var _ = monitor;
        var block = new byte[1 << 20];
        Array.Fill(block, (byte)'x');
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (true)
                await qemu.SayBytesAsync(block);
        });
        await monitor.Closed.WaitAsync(TimeSpan.FromSeconds(60), Ct);
    }

    [Fact]
    public async Task A_monitor_that_ends_lets_those_go_who_wait()
    {
        var (monitor, qemu) = await ConnectAsync();
        await using var _ = monitor;
        var asking = monitor.ExecuteAsync("query-status", Ct);
        await qemu.HearAsync();

        qemu.Dispose();

        await Assert.ThrowsAsync<IOException>(() => asking.WaitAsync(TimeSpan.FromSeconds(60), Ct));
    }

    private List<string> Seen
    {
        get
        {
            lock (_events)
                return [.. _events];
        }
    }

    private async Task<(QmpMonitor Monitor, FakeMonitor Qemu)> ConnectAsync()
    {
        var opening = QmpMonitor.OpenAsync(_directory.Combine("q"), Happened, Ct);
        var qemu = new FakeMonitor(await _listener.AcceptAsync(Ct));
        await qemu.GreetAsync();
        return (await opening, qemu);
    }

    private void Happened(string name)
    {
        lock (_events)
            _events.Add(name);
    }
}
