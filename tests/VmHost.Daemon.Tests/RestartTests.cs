using Google.Protobuf;
using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Restart, reset and rename, of machines in each state, and over the daemon's death.</summary>
public sealed class RestartTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task A_restart_halts_the_guest_and_boots_again_with_the_same_journal()
    {
        var before = await _client.RunAsync(_daemon, "again", "banner;echo");
        await _client.ConsoleShowsAsync("again", "fakehv ready");

        var after = (await _client.Machines.RestartMachineAsync(new() { Machine = "again" })).Machine;

        Assert.Equal((MachineState.Running, 2, before.Id), (after.State, after.BootCount, after.Id));
        Assert.NotEqual(before.HypervisorPid, after.HypervisorPid);
        Assert.Equal((1, ExitReason.PowerOff), (after.LastExit.Boot, after.LastExit.Reason));
        await _client.Console.ExpectConsoleAsync(new() { Machine = "again", Pattern = "ready(?s:.*)ready", Offset = 0 }, deadline: DaemonClient.Deadline);
    }

    [Fact]
    public async Task A_machine_that_does_not_run_is_started()
    {
        await _client.RunAsync(_daemon, "rests", "ready");
        await Eventually.TrueAsync(async () => (await _client.GetAsync("rests")).State == MachineState.Stopped, "it has stopped");

        Assert.Equal(2, (await _client.Machines.RestartMachineAsync(new() { Machine = "rests" })).Machine.BootCount);
    }

    [Fact]
    public async Task A_guest_that_does_not_power_off_runs_on_unless_force_is_set()
    {
        var before = await _client.RunAsync(_daemon, "stays", "ready;ignorepower;hang");

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await _client.Machines.RestartMachineAsync(new() { Machine = "stays", Grace = new() }));
        Assert.Equal(StatusCode.DeadlineExceeded, refused.StatusCode);
        var still = await _client.GetAsync("stays");
        Assert.Equal((MachineState.Running, 1, before.HypervisorPid), (still.State, still.BootCount, still.HypervisorPid));

        var after = (await _client.Machines.RestartMachineAsync(new() { Machine = "stays", Grace = new(), Force = true })).Machine;
        Assert.Equal((MachineState.Running, 2, ExitReason.Killed), (after.State, after.BootCount, after.LastExit.Reason));
    }

    // The daemon dies between the halt and the start, and before the halt is over.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_daemon_that_is_killed_meanwhile_leaves_it_to_the_next_one(bool isForced)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "cut", "ready;ignorepower;hang");
        var restarting = client.Machines.RestartMachineAsync(new() { Machine = "cut", Grace = new() { Seconds = isForced ? 1 : 60 }, Force = isForced });
        await Eventually.TrueAsync(async () => (await client.GetAsync("cut")).State == MachineState.Stopping, "the halt is under way");
        await daemon.KillAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await restarting);

        await daemon.StartAsync();
        using var next = new DaemonClient(daemon);
        if (!isForced)
        {
            var pid = (await next.GetAsync("cut")).HypervisorPid;
            using var hypervisor = System.Diagnostics.Process.GetProcessById(pid);
            hypervisor.Kill();
        }

        await Eventually.TrueAsync(async () => await next.GetAsync("cut") is { State: MachineState.Running, BootCount: 2 }, "it was started again");
    }

    [Fact]
    public async Task A_halt_that_comes_later_decides()
    {
        await _client.RunAsync(_daemon, "overruled", "ready;ignorepower;hang");
        var restarting = _client.Machines.RestartMachineAsync(new() { Machine = "overruled" });
        await Eventually.TrueAsync(async () => (await _client.GetAsync("overruled")).State == MachineState.Stopping, "the halt is under way");

        await _client.Machines.KillMachineAsync(new() { Machine = "overruled" });

        Assert.Equal(StatusCode.Aborted, (await Assert.ThrowsAsync<RpcException>(async () => await restarting)).StatusCode);
        Assert.Equal(MachineState.Stopped, (await _client.GetAsync("overruled")).State);
    }

    [Fact]
    public async Task A_reset_asks_no_guest()
    {
        var before = await _client.RunAsync(_daemon, "reset", "ready;ignorepower;hang");

        var after = (await _client.Machines.ResetMachineAsync(new() { Machine = "reset" })).Machine;

        Assert.Equal((MachineState.Running, 2, ExitReason.Killed), (after.State, after.BootCount, after.LastExit.Reason));
        Assert.NotEqual(before.HypervisorPid, after.HypervisorPid);

        await _client.Machines.KillMachineAsync(new() { Machine = "reset" });
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.ResetMachineAsync(new() { Machine = "reset" }));
        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
    }

    [Fact]
    public async Task A_machine_is_renamed_while_it_runs_and_the_old_name_is_free()
    {
        var before = await _client.RunAsync(_daemon, "old", "ready;echo");
        var renamed = await _client.Machines.RenameMachineAsync(new() { Machine = "old", NewName = "new", Etag = before.Etag });

        Assert.True(renamed.Changed);
        Assert.Equal(("new", before.Id, before.HypervisorPid), (renamed.Machine.Name, renamed.Machine.Id, renamed.Machine.HypervisorPid));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => _client.GetAsync("old"))).StatusCode);
        await _client.RunAsync(_daemon, "old", "ready;echo");
        Assert.Equal(StatusCode.AlreadyExists, (await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.RenameMachineAsync(new() { Machine = "old", NewName = "new" }))).StatusCode);
        Assert.Equal(StatusCode.Aborted, (await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.RenameMachineAsync(new() { Machine = "new", NewName = "newer", Etag = before.Etag }))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.RenameMachineAsync(new() { Machine = "new", NewName = "New" }))).StatusCode);
        Assert.False((await _client.Machines.RenameMachineAsync(new() { Machine = "new", NewName = "new" })).Changed);

        // A name that was refused is free again.
        Assert.True((await _client.Machines.RenameMachineAsync(new() { Machine = "new", NewName = "newer" })).Changed);
        await _client.Machines.DeleteMachineAsync(new() { Machine = "newer", Force = true });
        await _client.RunAsync(_daemon, "newer", "ready;echo");
    }

    [Fact]
    public async Task A_name_outlives_the_daemon()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "first", "ready;echo");
        await client.Machines.RenameMachineAsync(new() { Machine = "first", NewName = "second" });
        await daemon.KillAsync();
        await daemon.StartAsync();

        using var next = new DaemonClient(daemon);
        await Eventually.TrueAsync(async () => (await next.GetAsync("second")).State == MachineState.Running, "it is found by its name");
        await next.Console.WriteConsoleAsync(new() { Machine = "second", Data = ByteString.CopyFromUtf8("exit\n") });
        await next.Machines.WaitMachineAsync(new() { Machine = "second" }, deadline: DaemonClient.Deadline);
    }
}
