using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Machines.Effects;
using VmHost.Posix;
using VmHost.ShimContract.Wire;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;
using VmHost.Supervision.Qmp;
using VmHost.TestKit;

namespace VmHost.Tests.Supervision;

public sealed class SupervisedBootTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly MachinePaths _paths;
    private readonly ConsoleFeed _feed;
    private readonly FileLock _lock;

    public SupervisedBootTests()
    {
        _paths = new MachinePaths(_directory.Path, _directory.Path);
        _feed = new ConsoleFeed(_paths.Console);
        _lock = FileLock.TryTake(_paths.Lock)!;
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.Combine("shim.sock")));
        _listener.Listen();
        (Records.Run(_directory.Combine("shim.sock")) with { Monitor = true }).Save(_directory.Path);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _lock.Dispose();
        _listener.Dispose();
        _directory.Dispose();
    }

    // The next request must not take the answer to the one that was given up: the connection is closed, and a new one is made.
    [Fact]
    public async Task A_request_that_is_given_up_closes_the_connection_and_the_boot_is_reached_again()
    {
        var (boot, shim) = await ConnectAsync();
        await using var _ = boot;
        using var giveUp = new CancellationTokenSource();
        var resizing = boot.ResizeConsoleAsync(new(80, 25), giveUp.Token);
        Assert.Equal(FrameType.Resize, (await shim.HearAsync()).Type);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => resizing);

        await boot.Closed;
        await Assert.ThrowsAnyAsync<IOException>(() => boot.SignalAsync(Signals.Kill, Ct));

        var examining = ExamineAsync(TimeSpan.FromSeconds(30));
        using var next = await FakeShim.AcceptAsync(_listener);
        var made = Assert.IsType<BootContact.Made>(await examining);
        await using var again = made.Boot;
        Assert.Equal(FrameType.Subscribe, (await next.HearAsync()).Type);
        var killing = again.SignalAsync(Signals.Kill, Ct);
        Assert.Equal(FrameType.Signal, (await next.HearAsync()).Type);
        await next.AnswerAsync(FrameType.Signal, Errno.AccessDenied);
        Assert.Equal(Errno.AccessDenied, (await Assert.ThrowsAsync<PosixException>(() => killing)).Errno);
        shim.Dispose();
    }

    // The path may have passed to another machine's shim, or to that of another boot.
    [Theory]
    [InlineData("ba9876543210", Records.Nonce)]
    [InlineData(Records.Id, "ffeeddccbbaa99887766554433221100")]
    public async Task A_shim_of_another_machine_or_boot_is_not_taken_for_this_ones(string id, string nonce)
    {
        var connecting = SupervisedBoot.ContactAsync(Records.Id, Records.Nonce, _paths, _feed, TimeProvider.System, Ct);
        using var shim = await FakeShim.AcceptAsync(_listener, id, nonce);

        Assert.Equal(
            $"the process that listens at {_directory.Combine("shim.sock")} is not its shim",
            Assert.IsType<BootContact.Unreachable>(await connecting).Reason);
    }

    [Fact]
    public async Task A_shim_that_breaks_the_connection_and_takes_no_other_is_silent()
    {
        var (boot, shim) = await ConnectAsync();
        await using var _ = boot;
        _listener.Dispose();
        shim.Dispose();

        await boot.Closed;
        Assert.IsType<BootContact.Unreachable>(await ExamineAsync(TimeSpan.FromMilliseconds(300)));
    }

    [Fact]
    public async Task The_monitor_is_opened_once_through_the_shim_and_again_when_it_broke()
    {
        var (boot, shim) = await ConnectAsync();
        await using var _ = boot;
        var events = new List<string>();
        var opened = 0;
        boot.Monitor.Happened = events.Add;
        boot.Monitor.Opened = () => opened++;

        var asking = boot.Monitor.QueryAsync(Ct);
        using (var first = await OpenMonitorAsync())
        {
            var id = await HearCommandAsync(first, "query-status");
            await SayAsync(first, """{"event": "RESUME", "timestamp": {}}""");
            await SayAsync(first, $$"""{"return": {"status": "running", "running": true}, "id": {{id}}}""");
            Assert.Equal(new QemuStatus("running", IsRunning: true, IoError: null), await asking);

            // In parts, as a line that is longer than a frame comes.
            var human = boot.Monitor.AskHumanAsync("info registers -a", Ct);
            id = await HearCommandAsync(first, "human-monitor-command");
            await first.SayAsync(FrameType.MonitorSaid, (byte[])[1, .. "{\"return\": \"R"u8]);
            await first.SayAsync(FrameType.MonitorSaid, (byte[])[1, .. Encoding.UTF8.GetBytes($$"""FL=2\r", "id": {{id}}""")]);
            await first.SayAsync(FrameType.MonitorSaid, (byte[])[0, .. "}\r"u8]);
            Assert.Equal("RFL=2\r", await human);
        }

        await Eventually.TrueAsync(() => !boot.Closed.IsCompleted && opened == 1, "only the monitor's connection broke");
        var again = RetryAsync(boot);
        using var second = await OpenMonitorAsync();
        await SayAsync(second, $$"""{"return": {}, "id": {{await HearCommandAsync(second, "stop")}}}""");
        await again;

        Assert.Equal((2, "RESUME"), (opened, string.Join(' ', events)));
        shim.Dispose();
    }

    [Fact]
    public async Task A_shim_without_the_monitor_says_so()
    {
        var (boot, shim) = await ConnectAsync();
        await using var _ = boot;
        var asking = boot.Monitor.QueryAsync(Ct);
        using var monitor = await FakeShim.AcceptAsync(_listener);
        await monitor.HearAsync();
        await monitor.AnswerAsync(FrameType.OpenMonitor, Errno.NotSupported);

        Assert.Equal(Errno.NotSupported, (await Assert.ThrowsAsync<PosixException>(() => asking)).Errno);
        shim.Dispose();
    }

    // Until the broken connection is seen, what is asked on it fails.
    private static async Task RetryAsync(SupervisedBoot boot)
    {
        while (true)
        {
            try
            {
                await boot.Monitor.ExecuteAsync("stop", Ct);
                return;
            }
            catch (IOException)
            {
                await Task.Yield();
            }
        }
    }

    private async Task<FakeShim> OpenMonitorAsync()
    {
        var shim = await FakeShim.AcceptAsync(_listener);
        var (type, payload) = await shim.HearAsync();
        Assert.Equal((FrameType.OpenMonitor, 1), (type, payload[0]));
        await shim.AnswerAsync(FrameType.OpenMonitor, 0);
        return shim;
    }

    private static async Task<string> HearCommandAsync(FakeShim shim, string command)
    {
        var (type, payload) = await shim.HearAsync();
        using var json = JsonDocument.Parse(payload);
        Assert.Equal((FrameType.ToMonitor, command), (type, json.RootElement.GetProperty("execute").GetString()));
        await shim.AnswerAsync(FrameType.ToMonitor, 0);
        return json.RootElement.GetProperty("id").GetRawText();
    }

    private static Task SayAsync(FakeShim shim, string line) => shim.SayAsync(FrameType.MonitorSaid, (byte[])[0, .. Encoding.UTF8.GetBytes(line)]);

    private async Task<(SupervisedBoot Boot, FakeShim Shim)> ConnectAsync()
    {
        var connecting = SupervisedBoot.ContactAsync(Records.Id, Records.Nonce, _paths, _feed, TimeProvider.System, Ct);
        var shim = await FakeShim.AcceptAsync(_listener);
        var made = Assert.IsType<BootContact.Made>(await connecting);
        Assert.Equal(FrameType.Subscribe, (await shim.HearAsync()).Type);
        return (made.Boot, shim);
    }

    private async Task<BootContact> ExamineAsync(TimeSpan limit)
    {
        var boot = new BootRecord(1, Records.Nonce, ProcessIdentity.HostBootId, HypervisorKind.Qemu, "/bin/true", [], DateTimeOffset.UnixEpoch);
        var (contact, _) = await new BootExaminer(Records.Id, _paths, _feed, TimeProvider.System).ExamineAsync(boot, limit, TimeSpan.FromMilliseconds(5));
        return contact;
    }
}
