using Grpc.Core;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

public sealed class MachineLifeTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task A_machine_runs_and_its_console_is_its_guests_output_to_the_byte()
    {
        var machine = await _client.RunAsync(_daemon, "bytes", "banner;all256;lines:2000:0;garbage:100000:7;all256");

        var console = await _client.FollowAsync("bytes");

        Assert.Equal(DaemonClient.Truth(_daemon, machine), console);
        var ended = await _client.GetAsync("bytes");
        Assert.Equal(MachineState.Stopped, ended.State);
        Assert.Equal(ExitReason.PowerOff, ended.LastExit.Reason);
        Assert.Equal(0, ended.LastExit.Code);
    }

    [Fact]
    public async Task One_byte_writes_that_are_dropped_when_the_terminal_is_full_all_arrive()
    {
        var machine = await _client.RunAsync(_daemon, "xhyve", "nonblock;lines:20000:0");

        var console = await _client.FollowAsync("xhyve");

        Assert.Equal(DaemonClient.Truth(_daemon, machine), console);
        Assert.Equal(20_000 * 19, console.Length);
    }

    [Fact]
    public async Task A_halt_presses_the_power_button_and_returns_when_the_process_is_gone()
    {
        var machine = await _client.RunAsync(_daemon, "halted", "banner;hang");

        var halted = await _client.Machines.HaltMachineAsync(new() { Machine = "halted" });

        Assert.True(halted.Changed);
        Assert.False(halted.Killed);
        Assert.Equal(ExitReason.PowerOff, halted.Machine.LastExit.Reason);
        Assert.Null(ProcessIdentity.StartTime(machine.HypervisorPid));
    }

    [Fact]
    public async Task A_guest_that_ignores_the_power_button_is_killed_after_the_grace_time()
    {
        await _client.RunAsync(_daemon, "deaf", "ignorepower;hang");

        var halted = await _client.Machines.HaltMachineAsync(new() { Machine = "deaf", Grace = new() { Nanos = 300_000_000 } });

        Assert.True(halted.Killed);
        Assert.Equal(MachineState.Stopped, halted.Machine.State);
        Assert.Equal(ExitReason.Killed, halted.Machine.LastExit.Reason);
        Assert.Equal(9, halted.Machine.LastExit.Signal);
    }

    [Fact]
    public async Task A_halt_that_must_not_kill_says_so_and_the_machine_runs_on()
    {
        await _client.RunAsync(_daemon, "stubborn", "ignorepower;hang");

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.HaltMachineAsync(
            new() { Machine = "stubborn", Grace = new() { Nanos = 200_000_000 }, OnTimeout = HaltTimeoutAction.Fail }));

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        Assert.Equal(MachineState.Running, (await _client.GetAsync("stubborn")).State);
    }

    [Fact]
    public async Task A_kill_gets_through_while_a_halt_waits()
    {
        await _client.RunAsync(_daemon, "waiting", "ignorepower;hang");
        var halt = _client.Machines.HaltMachineAsync(new() { Machine = "waiting", Grace = new() { Seconds = 600 } });
        await Eventually.TrueAsync(async () => (await _client.GetAsync("waiting")).State == MachineState.Stopping, "it stops");

        var killed = await _client.Machines.KillMachineAsync(new() { Machine = "waiting" });

        Assert.True(killed.Changed);
        Assert.False((await halt).Killed);
    }

    [Theory]
    [InlineData("banner;exit:3", ExitReason.HypervisorError, 3, null)]
    [InlineData("banner;die:11", ExitReason.HypervisorError, null, 11)]
    [InlineData("banner;die:9", ExitReason.Killed, null, 9)]
    [InlineData("banner;event:guest-reset;exit:0", ExitReason.Reset, 0, null)]
    [InlineData("banner;event:guest-panic;exit:0", ExitReason.Panic, 0, null)]
    [InlineData("banner;closed;exit:0", ExitReason.HypervisorError, 1, null)]
    public async Task How_a_guest_ended_is_told(string steps, ExitReason reason, int? code, int? signal)
    {
        var spec = DaemonClient.Fake(_daemon, steps);
        spec.OnReboot = RebootAction.Stop;
        var machine = (await _client.Machines.RunMachineAsync(new() { Spec = spec })).Machine;

        var exit = (await _client.WaitAsync(machine.Id)).LastExit;

        Assert.Equal((reason, code, signal), (exit.Reason, exit.HasCode ? exit.Code : null, exit.HasSignal ? exit.Signal : null));
        Assert.Equal("fakehv ready\r\n", exit.ConsoleTail.ToStringUtf8());
    }

    [Fact]
    public async Task A_guest_that_is_done_before_anybody_looked_did_run()
    {
        for (var run = 1; run <= 30; run++)
        {
            var machine = await _client.RunAsync(_daemon, $"quick-{run}", "text:hi");

            Assert.Equal(ExitReason.PowerOff, (await _client.WaitAsync(machine.Id)).LastExit.Reason);
            Assert.Equal("hi\r\n"u8.ToArray(), await _client.FollowAsync(machine.Id));
        }
    }

    [Fact]
    public async Task Machines_that_end_do_not_disturb_machines_that_start()
    {
        // Each end is a SIGCHLD to the daemon, in whatever thread.
        await Parallel.ForAsync(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 6 }, async (number, _) =>
        {
            var machine = await _client.RunAsync(_daemon, $"crowd-{number}", "banner");
            Assert.Equal(ExitReason.PowerOff, (await _client.WaitAsync(machine.Id)).LastExit.Reason);
        });
    }

    [Fact]
    public async Task A_hypervisor_that_fails_at_once_says_why_and_leaves_nothing()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => _client.RunAsync(_daemon, "broken", "noqmp;stderr:no%20room%20on%20the%20bus;exit:1"));

        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Contains("no room on the bus", error.Status.Detail, StringComparison.Ordinal);
        var machines = (await _client.Machines.ListMachinesAsync(new())).Machines;
        Assert.DoesNotContain(machines, machine => machine.Name == "broken");
        Assert.Equal(
            machines.Select(machine => machine.Id).Order(),
            Directory.EnumerateDirectories(Path.Combine(_daemon.StateDir, "machines")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task A_stopped_machine_starts_again_in_the_same_journal()
    {
        await _client.RunAsync(_daemon, "twice", "text:hello");
        await _client.WaitAsync("twice");

        var started = await _client.Machines.StartMachineAsync(new() { Machine = "twice" });
        var console = await _client.FollowAsync("twice");

        Assert.True(started.Changed);
        Assert.Equal("hello\r\nhello\r\n"u8.ToArray(), console);
        Assert.Equal(2, (await _client.WaitAsync("twice")).BootCount);
    }

    [Fact]
    public async Task Sockets_that_a_kill_left_behind_are_gone_before_the_next_start()
    {
        var machine = await _client.RunAsync(_daemon, "leftovers", "banner");
        await _client.WaitAsync(machine.Id);
        var leftover = Path.Combine(_daemon.RunDir, machine.Id, "rest.sock");
        await File.WriteAllTextAsync(leftover, "", TestContext.Current.CancellationToken);

        await _client.Machines.StartMachineAsync(new() { Machine = machine.Id });

        Assert.False(File.Exists(leftover));
    }

    [Fact]
    public async Task A_process_that_the_hypervisor_leaves_behind_does_not_hide_its_end()
    {
        var machine = await _client.RunAsync(_daemon, "parent", "grandchild;text:bye;exit:4");

        // The left-over holds the lock too: as long as it lives, the machine is not proved dead.
        await Eventually.TrueAsync(() => File.Exists(Path.Combine(_daemon.MachineDirectory(machine.Id), "exit.json")), "exit.json is there");
        await Eventually.TrueAsync(async () => (await _client.GetAsync("parent")).State == MachineState.Unknown, "it is not called dead");

        // Once it is gone too, what the shim wrote counts.
        var exit = (await _client.WaitAsync("parent")).LastExit;
        Assert.Equal((ExitReason.HypervisorError, 4), (exit.Reason, exit.Code));
        Assert.Equal("bye\r\n", exit.ConsoleTail.ToStringUtf8());
    }

    [Fact]
    public async Task Input_reaches_the_guest_and_its_echo_comes_back()
    {
        await _client.RunAsync(_daemon, "echo", "ready;echo");
        await _client.ConsoleShowsAsync("echo", "fakehv: ready");

        await _client.Console.WriteConsoleAsync(new() { Machine = "echo", Data = Google.Protobuf.ByteString.CopyFromUtf8("ping\nexit\n") });

        var console = await _client.FollowAsync("echo");
        Assert.Equal("fakehv: ready\r\nping\nexit\n"u8.ToArray(), console);
    }

    [Fact]
    public async Task Tails_begin_where_they_should()
    {
        await _client.RunAsync(_daemon, "tail", "lines:100:0");
        await _client.WaitAsync("tail");

        Assert.StartsWith("L00000098", await ReadAsync(new() { Machine = "tail", TailLines = 3 }), StringComparison.Ordinal);
        Assert.Equal(10, (await ReadAsync(new() { Machine = "tail", TailBytes = 10 })).Length);
        Assert.Equal("", await ReadAsync(new() { Machine = "tail", TailLines = 0 }));
        Assert.Equal(1900, (await ReadAsync(new() { Machine = "tail", TailLines = 1000 })).Length);
        Assert.Equal(StatusCode.OutOfRange, (await Assert.ThrowsAsync<RpcException>(() => ReadAsync(new() { Machine = "tail", Offset = 1901 }))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => ReadAsync(new() { Machine = "tail", TailLines = -1 }))).StatusCode);
    }

    [Fact]
    public async Task A_removed_machine_is_gone_and_a_running_one_is_refused()
    {
        var machine = await _client.RunAsync(_daemon, "gone", "hang");

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.DeleteMachineAsync(new() { Machine = "gone" }));
        await _client.Machines.DeleteMachineAsync(new() { Machine = "gone", Force = true });

        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.False(Directory.Exists(_daemon.MachineDirectory(machine.Id)));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => _client.GetAsync("gone"))).StatusCode);
    }

    [Fact]
    public async Task A_hundred_at_once_with_one_name_make_one_machine()
    {
        var spec = DaemonClient.Fake(_daemon, "hang");
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            try
            {
                await _client.Machines.RunMachineAsync(new() { Name = "same", Spec = spec });
                return StatusCode.OK;
            }
            catch (RpcException e)
            {
                return e.StatusCode;
            }
        }));

        Assert.Equal(1, outcomes.Count(code => code == StatusCode.OK));
        Assert.Equal(99, outcomes.Count(code => code == StatusCode.AlreadyExists));
    }

    private async Task<string> ReadAsync(ReadConsoleRequest request)
    {
        var all = new MemoryStream();
        using var call = _client.Console.ReadConsole(request);
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
            all.Write(call.ResponseStream.Current.Data.Span);
        return System.Text.Encoding.ASCII.GetString(all.ToArray());
    }
}
