using Google.Protobuf;
using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>
/// Machines outlive the daemon that started them, and an upgrade of it: this version's daemon serves machines of the previous
/// version's shim, whose monitor has only a path, and the other way round. <c>scripts/previous-version</c> builds that version.
/// </summary>
public sealed class PreviousVersionTests
{
    private static string OldShim => Repository.Previous("shim", "vmhost-shim");

    [Fact]
    public async Task This_daemon_adopts_pauses_halts_reboots_and_kills_machines_of_the_old_shim()
    {
        await using var daemon = await DaemonProcess.StartPreviousOnFakeAsync(OldShim);
        using var client = new DaemonClient(daemon);
        var paused = await RunAsync(daemon, client, "paused");
        var halted = await RunAsync(daemon, client, "halted");
        var rebooted = await RunAsync(daemon, client, "rebooted", "banner;echo;reboot", RebootAction.Restart);
        var killed = await RunAsync(daemon, client, "killed", "ignorepower;ignoreterm;banner;echo");
        Assert.False(RunRecord.Load(daemon.MachineDirectory(paused.Id)).Monitor);
        await client.Machines.PauseMachineAsync(new() { Machine = paused.Id });

        await ReplaceAsync(daemon, isPrevious: false);
        await IsAsync(client, paused, MachineState.Paused);
        foreach (var machine in new[] { halted, rebooted, killed })
            await IsAsync(client, machine, MachineState.Running);

        await client.Machines.ResumeMachineAsync(new() { Machine = paused.Id });
        await TypeAsync(client, paused, "resumed");
        await client.Machines.PauseMachineAsync(new() { Machine = paused.Id });
        await client.Machines.HaltMachineAsync(new() { Machine = paused.Id });
        Assert.Equal(ExitReason.PowerOff, (await client.GetAsync(paused.Id)).LastExit.Reason);
        await client.Machines.HaltMachineAsync(new() { Machine = halted.Id });
        Assert.Equal(ExitReason.PowerOff, (await client.GetAsync(halted.Id)).LastExit.Reason);
        await client.Machines.KillMachineAsync(new() { Machine = killed.Id });
        Assert.Equal(ExitReason.Killed, (await client.WaitAsync(killed.Id)).LastExit.Reason);

        // The next boot has this version's shim.
        await client.Console.WriteConsoleAsync(new() { Machine = rebooted.Id, Data = ByteString.CopyFromUtf8("exit\n") });
        await Eventually.TrueAsync(async () => await client.GetAsync(rebooted.Id) is { State: MachineState.Running, BootCount: 2 }, "the guest rebooted");
        Assert.True(RunRecord.Load(daemon.MachineDirectory(rebooted.Id)).Monitor);
        await client.Machines.HaltMachineAsync(new() { Machine = rebooted.Id });
    }

    // What that daemon does by QEMU's monitor it does at the monitor's path, which is there for it.
    [Fact]
    public async Task The_old_daemon_adopts_pauses_halts_reboots_and_kills_machines_of_this_shim()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var paused = await RunAsync(daemon, client, "paused");
        var halted = await RunAsync(daemon, client, "halted");
        var rebooted = await RunAsync(daemon, client, "rebooted", "banner;echo;reboot", RebootAction.Restart);
        var killed = await RunAsync(daemon, client, "killed", "ignorepower;ignoreterm;banner;echo");
        await client.Machines.PauseMachineAsync(new() { Machine = paused.Id });

        await ReplaceAsync(daemon, isPrevious: true);
        await IsAsync(client, paused, MachineState.Paused);
        foreach (var machine in new[] { halted, rebooted, killed })
            await IsAsync(client, machine, MachineState.Running);

        await client.Machines.ResumeMachineAsync(new() { Machine = paused.Id });
        await TypeAsync(client, paused, "resumed");
        await client.Machines.HaltMachineAsync(new() { Machine = halted.Id });
        Assert.Equal(ExitReason.PowerOff, (await client.GetAsync(halted.Id)).LastExit.Reason);
        await client.Machines.KillMachineAsync(new() { Machine = killed.Id });
        Assert.Equal(ExitReason.Killed, (await client.WaitAsync(killed.Id)).LastExit.Reason);
        await client.Console.WriteConsoleAsync(new() { Machine = rebooted.Id, Data = ByteString.CopyFromUtf8("exit\n") });
        await Eventually.TrueAsync(async () => await client.GetAsync(rebooted.Id) is { State: MachineState.Running, BootCount: 2 }, "the guest rebooted");

        // And back: one boot of this shim, one of the old.
        await ReplaceAsync(daemon, isPrevious: false);
        foreach (var machine in new[] { paused, rebooted })
        {
            await IsAsync(client, machine, MachineState.Running);
            await client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
            await client.Machines.HaltMachineAsync(new() { Machine = machine.Id });
            Assert.Equal(ExitReason.PowerOff, (await client.GetAsync(machine.Id)).LastExit.Reason);
        }
    }

    // A package manager replaces the shim before the daemon is restarted.
    [Fact]
    public async Task This_shim_serves_the_launch_record_of_the_old_daemon_and_this_daemon_adopts_the_machine()
    {
        await using var daemon = await DaemonProcess.StartPreviousOnFakeAsync(Repository.Shim);
        using var client = new DaemonClient(daemon);
        var machine = await RunAsync(daemon, client, "between");
        var run = RunRecord.Load(daemon.MachineDirectory(machine.Id));
        Assert.Equal((false, true), (run.Monitor, run.LockFile is not null));

        // That daemon does not block SIGUSR1 for it, so it does not take it either.
        Assert.False(run.SocketRecovery);
        await client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
        await client.Machines.ResumeMachineAsync(new() { Machine = machine.Id });
        await TypeAsync(client, machine, "before");

        await ReplaceAsync(daemon, isPrevious: false);
        await IsAsync(client, machine, MachineState.Running);
        await TypeAsync(client, machine, "after");
        await client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
        await client.Machines.HaltMachineAsync(new() { Machine = machine.Id });
        Assert.Equal(ExitReason.PowerOff, (await client.GetAsync(machine.Id)).LastExit.Reason);
    }

    // SIGUSR1 would end the old shim and with it the machine.
    [Fact]
    public async Task A_machine_whose_old_shim_lost_its_socket_lives_on_unknown_and_can_be_killed()
    {
        await using var daemon = await DaemonProcess.StartPreviousOnFakeAsync(OldShim);
        using var client = new DaemonClient(daemon);
        var machine = await RunAsync(daemon, client, "lost");
        await daemon.KillAsync();
        Directory.Delete(daemon.RunDir, recursive: true);

        await daemon.StartVersionAsync(isPrevious: false);
        await IsAsync(client, machine, MachineState.Unknown);

        Assert.NotNull(ProcessIdentity.StartTime(machine.ShimPid));
        Assert.NotNull(ProcessIdentity.StartTime(machine.HypervisorPid));
        var halt = await Assert.ThrowsAsync<RpcException>(async () => await client.Machines.HaltMachineAsync(new() { Machine = machine.Id }));
        Assert.Equal(StatusCode.FailedPrecondition, halt.StatusCode);
        await client.Machines.KillMachineAsync(new() { Machine = machine.Id });
        Assert.Equal(ExitReason.Killed, (await client.WaitAsync(machine.Id)).LastExit.Reason);
    }

    private static async Task<Machine> RunAsync(
        DaemonProcess daemon, DaemonClient client, string name, string steps = "banner;echo", RebootAction onReboot = RebootAction.Unspecified)
    {
        var spec = DaemonClient.Fake(daemon, steps);
        spec.OnReboot = onReboot;
        var machine = (await client.Machines.RunMachineAsync(new() { Name = name, Spec = spec })).Machine;
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        return machine;
    }

    private static async Task ReplaceAsync(DaemonProcess daemon, bool isPrevious)
    {
        await daemon.KillAsync();
        await daemon.StartVersionAsync(isPrevious);
    }

    private static Task IsAsync(DaemonClient client, Machine machine, MachineState state) =>
        Eventually.TrueAsync(async () => (await client.GetAsync(machine.Id)).State == state, $"machine {machine.Name} is {state}");

    private static async Task TypeAsync(DaemonClient client, Machine machine, string text)
    {
        await client.Console.WriteConsoleAsync(new() { Machine = machine.Id, Data = ByteString.CopyFromUtf8(text + "\n") });
        await client.ConsoleShowsAsync(machine.Id, text);
    }
}
