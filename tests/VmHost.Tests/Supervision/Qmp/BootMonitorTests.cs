using System.Net.Sockets;
using VmHost.Hypervisors;
using VmHost.Supervision;
using VmHost.Supervision.Qmp;
using VmHost.TestKit;

namespace VmHost.Tests.Supervision.Qmp;

public sealed class BootMonitorTests : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly BootMonitor _monitor;

    public BootMonitorTests()
    {
        var paths = new MachinePaths(_directory.Path, _directory.Path);
        var run = Records.Run(_directory.Combine("no-shim"));
        _monitor = new BootMonitor(run, paths, new ShimAddress(run, TimeProvider.System), TimeProvider.System);
        _listener.Bind(new UnixDomainSocketEndPoint(paths.QmpSocket));
        _listener.Listen();
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _monitor.DisposeAsync();
        _listener.Dispose();
        _directory.Dispose();
    }

    // Another client took the monitor, or the connection broke, and the daemon has not noticed yet.
    [Fact]
    public async Task A_request_on_a_connection_that_was_cut_off_is_made_again_on_a_new_one()
    {
        var opening = _monitor.OpenAsync(Ct);
        var first = await AcceptAsync();
        await opening;

        var pausing = _monitor.ExecuteAsync("stop", Ct);
        Assert.Equal("stop", (await first.HearAsync()).Command);
        first.Dispose();
        using var second = await AcceptAsync();
        var (command, id) = await second.HearAsync();
        await second.SayAsync($$"""{"return": {}, "id": {{id}}}""");
        await pausing;

        Assert.Equal("stop", command);
    }

    [Fact]
    public async Task Requests_that_are_cut_off_together_share_the_new_connection()
    {
        var opening = _monitor.OpenAsync(Ct);
        var first = await AcceptAsync();
        await opening;

        var asking = new[] { _monitor.ExecuteAsync("stop", Ct), _monitor.ExecuteAsync("cont", Ct) };
        await first.HearAsync();
        await first.HearAsync();
        first.Dispose();
        using var second = await AcceptAsync();
        for (var i = 0; i < asking.Length; i++)
            await second.SayAsync($$"""{"return": {}, "id": {{(await second.HearAsync()).Id}}}""");

        await Task.WhenAll(asking);
    }

    [Fact]
    public async Task A_connection_that_breaks_as_soon_as_it_is_made_is_not_made_again()
    {
        var pausing = _monitor.ExecuteAsync("stop", Ct);
        var first = await AcceptAsync();
        await first.HearAsync();
        first.Dispose();

        await Assert.ThrowsAsync<IOException>(() => pausing);
        Assert.False(_listener.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public async Task What_qemu_refuses_is_not_asked_again()
    {
        var opening = _monitor.OpenAsync(Ct);
        using var qemu = await AcceptAsync();
        await opening;

        var asking = _monitor.ExecuteAsync("cont", Ct);
        var (_, id) = await qemu.HearAsync();
        await qemu.SayAsync($$"""{"error": {"class": "GenericError", "desc": "Resetting the Virtual Machine is required"}, "id": {{id}}}""");

        await Assert.ThrowsAsync<QmpException>(() => asking);
        Assert.False(_listener.Poll(0, SelectMode.SelectRead));
    }

    private async Task<FakeMonitor> AcceptAsync()
    {
        var qemu = new FakeMonitor(await _listener.AcceptAsync(Ct));
        await qemu.GreetAsync();
        return qemu;
    }
}
