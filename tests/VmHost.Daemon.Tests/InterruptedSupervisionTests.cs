using System.Diagnostics;
using Grpc.Core;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>What a daemon completes that another one began, shims that hang and answer again, and state directories that are copies.</summary>
public sealed class InterruptedSupervisionTests
{
    // SIGCONT.
    private const int Continue = 18;

    [Fact]
    public async Task A_halt_that_the_daemons_death_cut_off_is_given_up_at_its_deadline_and_leaves_the_restart_policy_alone()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await StartAsync(daemon, client, "given-up", RestartMode.Always);
        var halt = client.Machines.HaltMachineAsync(new() { Machine = machine.Id, Grace = new() { Seconds = 2 }, OnTimeout = HaltTimeoutAction.Fail });
        await IsAsync(client, machine, MachineState.Stopping);
        await daemon.KillAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await halt);

        await daemon.StartAsync();

        await IsAsync(client, machine, MachineState.Running);
        var record = Path.Combine(daemon.MachineDirectory(machine.Id), "machine.json");
        await Eventually.TrueAsync(() => File.ReadAllText(record).Contains("\"stopped_by_hand\": false", StringComparison.Ordinal), "the record does not say that it was stopped");
        Signals.Send((await client.GetAsync(machine.Id)).HypervisorPid, Signals.Kill);
        await Eventually.TrueAsync(async () => await client.GetAsync(machine.Id) is { State: MachineState.Running, BootCount: 2 }, "it was started again");
    }

    [Fact]
    public async Task A_halt_that_the_daemons_death_cut_off_is_completed_by_the_next()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await StartAsync(daemon, client, "completed", RestartMode.Always);
        var halt = client.Machines.HaltMachineAsync(new() { Machine = machine.Id, Grace = new() { Seconds = 2 } });
        await IsAsync(client, machine, MachineState.Stopping);
        await daemon.KillAsync();
        await Assert.ThrowsAsync<RpcException>(async () => await halt);

        await daemon.StartAsync();

        var ended = await client.WaitAsync(machine.Id);
        Assert.Equal((MachineState.Stopped, ExitReason.Killed, true), (ended.State, ended.LastExit.Reason, ended.LastExit.Expected));
    }

    [Fact]
    public async Task A_pause_and_a_reset_are_found_when_a_silent_shim_answers_again()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var paused = await StartAsync(daemon, client, "paused", RestartMode.No);
        var reset = await StartAsync(daemon, client, "reset", RestartMode.No);
        await client.Machines.PauseMachineAsync(new() { Machine = paused.Id });
        await daemon.KillAsync();
        foreach (var machine in new[] { paused, reset })
            Signals.Send(machine.ShimPid, Signals.Stop);

        await daemon.StartAsync();
        foreach (var machine in new[] { paused, reset })
            await Eventually.TrueAsync(async () => (await client.GetAsync(machine.Id)).StateDetail.StartsWith("shim-silent", StringComparison.Ordinal), $"{machine.Name} is unknown");

        await MonitorPath.SendAsync(daemon, reset, "system_reset");
        foreach (var machine in new[] { paused, reset })
            Signals.Send(machine.ShimPid, Continue);

        await IsAsync(client, paused, MachineState.Paused);
        await Eventually.TrueAsync(async () => await client.GetAsync(reset.Id) is { State: MachineState.Running, BootCount: 2 }, "the guest rebooted");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_machine_whose_shim_hangs_can_be_ended_and_the_answer_names_the_shim(bool halt)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await StartAsync(daemon, client, "hung", RestartMode.Always);
        Signals.Send(machine.ShimPid, Signals.Stop);

        if (halt)
        {
            var fails = await Assert.ThrowsAsync<RpcException>(async () =>
                await client.Machines.HaltMachineAsync(new() { Machine = machine.Id, Grace = new() { Seconds = 1 }, OnTimeout = HaltTimeoutAction.Fail }));
            Assert.Equal(StatusCode.DeadlineExceeded, fails.StatusCode);
            Assert.Contains("shim", fails.Status.Detail, StringComparison.Ordinal);
            Assert.True((await client.Machines.HaltMachineAsync(new() { Machine = machine.Id, Grace = new() { Seconds = 1 } })).Killed);
        }
        else
        {
            Assert.True((await client.Machines.KillMachineAsync(new() { Machine = machine.Id })).Changed);
        }

        var ended = await client.GetAsync(machine.Id);
        Assert.Equal((MachineState.Stopped, ExitReason.Killed), (ended.State, ended.LastExit.Reason));
        Assert.Contains("shim, which did not answer", ended.LastExit.Detail, StringComparison.Ordinal);
        Assert.Null(ProcessIdentity.StartTime(machine.HypervisorPid));
    }

    [Fact]
    public async Task A_daemon_on_a_copy_of_a_state_directory_leaves_the_machines_of_the_original_alone()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await StartAsync(daemon, client, "original", RestartMode.Always);

        await using var second = await DaemonProcess.StartOnFakeAsync();
        using var other = new DaemonClient(second);
        await second.StopAsync();
        Directory.Delete(second.StateDir, recursive: true);
        using (var copy = Process.Start("cp", ["-a", daemon.StateDir, second.StateDir]))
            await copy.WaitForExitAsync(TestContext.Current.CancellationToken);
        await second.StartAsync();

        await Eventually.TrueAsync(async () => (await other.GetAsync(machine.Id)).StateDetail.Contains("copy", StringComparison.Ordinal), "the copy is recognised");
        var kill = await Assert.ThrowsAsync<RpcException>(async () => await other.Machines.KillMachineAsync(new() { Machine = machine.Id }));
        Assert.Equal(StatusCode.FailedPrecondition, kill.StatusCode);
        await Assert.ThrowsAsync<RpcException>(async () => await other.Machines.HaltMachineAsync(new() { Machine = machine.Id }));
        await Assert.ThrowsAsync<RpcException>(async () => await other.Machines.StartMachineAsync(new() { Machine = machine.Id }));

        var original = await client.GetAsync(machine.Id);
        Assert.Equal((MachineState.Running, machine.HypervisorPid, 1), (original.State, original.HypervisorPid, original.BootCount));
        Assert.Single(MarkedProcesses.Find(daemon.Mark), pid => pid == machine.HypervisorPid);
        Assert.DoesNotContain(MarkedProcesses.Find(second.Mark), pid => pid != second.Pid);
        await other.Machines.DeleteMachineAsync(new() { Machine = machine.Id, Force = true });
        await client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
    }

    private static async Task<Machine> StartAsync(DaemonProcess daemon, DaemonClient client, string name, RestartMode mode)
    {
        var machine = (await client.Machines.RunMachineAsync(new()
        {
            Name = name,
            Spec = DaemonClient.Fake(daemon, "ignorepower;banner;hang"),
            RestartPolicy = new() { Mode = mode },
        })).Machine;
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        return machine;
    }

    private static Task IsAsync(DaemonClient client, Machine machine, MachineState state) =>
        Eventually.TrueAsync(async () => (await client.GetAsync(machine.Id)).State == state, $"machine {machine.Name} is {state}");
}
