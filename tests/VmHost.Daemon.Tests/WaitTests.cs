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
        var waiting = WaitAsync(new() { Machine = "later", Condition = new() { Running = new() } });

        await _client.Machines.StartMachineAsync(new() { Machine = "later" });

        Assert.Equal((machine.Id, MachineState.Running), ((await waiting).Id, (await waiting).State));
    }

    [Fact]
    public async Task A_wait_for_a_machine_that_is_deleted_ends()
    {
        await _client.RunAsync(_daemon, "gone", "banner");
        await _client.WaitAsync("gone");
        var waiting = WaitAsync(new() { Machine = "gone", Condition = new() { Running = new() } });

        await _client.Machines.DeleteMachineAsync(new() { Machine = "gone" });

        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => waiting)).StatusCode);
    }

    [Fact]
    public async Task A_wait_for_the_console_ends_with_the_output_or_with_the_machine()
    {
        await _client.RunAsync(_daemon, "prompt", "sleep:100;text:/%20%23;hang");
        Assert.Equal(MachineState.Running, (await WaitAsync(new() { Machine = "prompt", Condition = Console("/ #") })).State);

        await _client.RunAsync(_daemon, "mute", "sleep:100");
        var ended = await Assert.ThrowsAsync<RpcException>(() => WaitAsync(new() { Machine = "mute", Condition = Console("/ #") }));
        Assert.Equal(StatusCode.FailedPrecondition, ended.StatusCode);
    }

    [Theory]
    [InlineData("(", 0, "condition.console.pattern")]
    [InlineData("", 22, "condition.port.guest_port")]
    public async Task A_condition_that_cannot_be_is_refused_by_its_field(string pattern, int port, string field)
    {
        var name = $"refused-{port}";
        await _client.RunAsync(_daemon, name, "hang");
        var request = pattern.Length > 0 ? new WaitMachineRequest { Machine = name, Condition = Console(pattern) } : new() { Machine = name, Condition = new() { Port = new() { GuestPort = port } } };

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
            .WaitAsync(new() { Machine = "goes-on", Condition = Console("after all") }, null, TestContext.Current.CancellationToken);
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

    [Fact]
    public async Task All_that_a_filter_selects_are_waited_for_or_one_of_them()
    {
        foreach (var (name, steps) in new[] { ("batch-a", "ready"), ("batch-b", "ready;echo"), ("other-c", "ready;echo") })
        {
            var run = new RunMachineRequest { Name = name, Spec = DaemonClient.Fake(_daemon, steps) };
            run.Labels["batch"] = name[..5];
            await _client.Machines.RunMachineAsync(run);
        }

        var any = await _client.Machines.WaitMachineAsync(new() { Filter = "labels.batch = batch", Mode = WaitMode.Any }, deadline: DaemonClient.Deadline);
        Assert.Equal(["batch-a"], any.Machines.Select(machine => machine.Name));

        var all = _client.Machines.WaitMachineAsync(new() { Filter = "labels.batch = batch" }, deadline: DaemonClient.Deadline);
        await _client.Console.WriteConsoleAsync(new() { Machine = "batch-b", Data = Google.Protobuf.ByteString.CopyFromUtf8("exit\n") });
        Assert.Equal(["batch-a", "batch-b"], (await all).Machines.Select(machine => machine.Name).Order(StringComparer.Ordinal));
        Assert.Equal(MachineState.Running, (await _client.GetAsync("other-c")).State);

        var none = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.WaitMachineAsync(new() { Filter = "labels.batch = none" }));
        Assert.Equal(StatusCode.NotFound, none.StatusCode);
        var both = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.WaitMachineAsync(new() { Machine = "batch-a", Filter = "labels.batch = none" }));
        Assert.Equal(StatusCode.InvalidArgument, both.StatusCode);
    }

    private static WaitCondition Console(string pattern) => new() { Console = new() { Pattern = pattern } };

    private async Task<Machine> WaitAsync(WaitMachineRequest request) =>
        (await _client.Machines.WaitMachineAsync(request, deadline: DaemonClient.Deadline)).Machines[0];
}
