using Grpc.Core;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

public sealed class WaitTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task A_wait_for_running_ends_when_somebody_starts_it()
    {
        var machine = await _client.RunAsync(_daemon, "later", "banner;hang");
        await _client.Machines.KillMachineAsync(new() { Machine = "later" });
        var waiting = WaitAsync(new() { Machine = "later", Running = true });

        await _client.Machines.StartMachineAsync(new() { Machine = "later" });

        Assert.Equal((machine.Id, MachineState.Running), ((await waiting).Id, (await waiting).State));
    }

    [Fact]
    public async Task A_wait_for_a_machine_that_is_deleted_ends()
    {
        await _client.RunAsync(_daemon, "gone", "banner");
        await _client.WaitAsync("gone");
        var waiting = WaitAsync(new() { Machine = "gone", Running = true });

        await _client.Machines.DeleteMachineAsync(new() { Machine = "gone" });

        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => waiting)).StatusCode);
    }

    [Fact]
    public async Task A_wait_for_the_console_ends_with_the_output_or_with_the_machine()
    {
        await _client.RunAsync(_daemon, "prompt", "sleep:100;text:/%20%23;hang");
        Assert.Equal(MachineState.Running, (await WaitAsync(new() { Machine = "prompt", ConsolePattern = "/ #" })).State);

        await _client.RunAsync(_daemon, "mute", "sleep:100");
        var ended = await Assert.ThrowsAsync<RpcException>(() => WaitAsync(new() { Machine = "mute", ConsolePattern = "/ #" }));
        Assert.Equal(StatusCode.FailedPrecondition, ended.StatusCode);
    }

    [Theory]
    [InlineData("(", 0, "console_pattern")]
    [InlineData("", 22, "tcp_port")]
    public async Task A_condition_that_cannot_be_is_refused_by_its_field(string pattern, int port, string field)
    {
        var name = $"refused-{port}";
        await _client.RunAsync(_daemon, name, "hang");
        var request = pattern.Length > 0 ? new WaitMachineRequest { Machine = name, ConsolePattern = pattern } : new() { Machine = name, TcpPort = port };

        var refused = await Assert.ThrowsAsync<RpcException>(() => WaitAsync(request));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains(field, refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wait_goes_on_over_a_killed_daemon()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "goes-on", "ready;echo");
        var waiting = new ResumingWait(client.Machines, TimeProvider.System)
            .WaitAsync(new() { Machine = "goes-on", ConsolePattern = "after all" }, null, TestContext.Current.CancellationToken);
        await client.ConsoleShowsAsync("goes-on", "ready");

        await daemon.KillAsync();
        await daemon.StartAsync();
        using var next = new DaemonClient(daemon);
        await next.Console.WriteConsoleAsync(new() { Machine = "goes-on", Data = Google.Protobuf.ByteString.CopyFromUtf8("after all") });

        Assert.Equal("goes-on", (await waiting).Name);
    }

    [Theory]
    [InlineData("running", 0)]
    [InlineData("console:fakehv: ready", 0)]
    [InlineData("console:never", 124)]
    [InlineData("tcp:80", 2)]
    public async Task Vmctl_waits_for_what_it_is_told_and_no_longer(string condition, int code)
    {
        var name = $"told-{condition.Length}-{code}";
        await _client.RunAsync(_daemon, name, "ready;hang");

        using var wait = TerminalSession.Start(Repository.Cli, "--host", _daemon.Socket, "wait", name, "--for", condition, "--timeout", code == 124 ? "1" : "60");

        Assert.Equal(code, (await wait.ExitAsync()).Code);
    }

    [Fact]
    public async Task A_detached_run_returns_with_its_name_once_what_it_waits_for_is_there()
    {
        var prefix = DaemonClient.Fake(_daemon, "sleep:100;ready;hang").Boot.TriplePrefix;

        using var run = TerminalSession.Start(Repository.Cli, "--host", _daemon.Socket, "run", "-d", "-n", "detached", "--wait", "console:fakehv: ready", prefix);

        Assert.Equal(0, (await run.ExitAsync()).Code);
        Assert.Equal("detached", run.Shown.Trim());
        await _client.Console.ExpectConsoleAsync(new() { Machine = "detached", Pattern = "ready" }, deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(1));
    }

    private async Task<Machine> WaitAsync(WaitMachineRequest request) =>
        (await _client.Machines.WaitMachineAsync(request, deadline: DaemonClient.Deadline)).Machine;
}
