using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Machines on xhyve and HyperKit, which have signals for a monitor and contradict each other in their exit codes.</summary>
public sealed class BhyveMachineTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private static int _machines;

    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Theory]
    [InlineData(HypervisorKind.Xhyve)]
    [InlineData(HypervisorKind.Hyperkit)]
    public async Task The_console_is_file_0_and_every_byte_of_it_arrives(HypervisorKind hypervisor)
    {
        var machine = await RunAsync(hypervisor, "all256;lines:20000:0;garbage:100000:7");

        var console = await _client.FollowAsync(machine.Id);

        Assert.Equal(256 + (20_000 * 19) + 100_000, console.Length);
        Assert.Equal(DaemonClient.Truth(_daemon, machine), console);
    }

    [Theory]
    [InlineData(HypervisorKind.Xhyve, "poweroff", ExitReason.PowerOff, 1)]
    [InlineData(HypervisorKind.Xhyve, "reboot", ExitReason.Reset, 0)]
    [InlineData(HypervisorKind.Xhyve, "halt", ExitReason.Halt, 2)]
    [InlineData(HypervisorKind.Xhyve, "triplefault", ExitReason.TripleFault, 3)]
    [InlineData(HypervisorKind.Xhyve, "stderr:vcpu_loop:%20unexpected%20exitcode%200x5;exit:1", ExitReason.HypervisorError, 1)]
    [InlineData(HypervisorKind.Hyperkit, "poweroff", ExitReason.PowerOff, 0)]
    [InlineData(HypervisorKind.Hyperkit, "reboot", ExitReason.Reset, 2)]
    [InlineData(HypervisorKind.Hyperkit, "text:reboot:%20System%20halted;halt", ExitReason.Halt, 0)]
    [InlineData(HypervisorKind.Hyperkit, "triplefault", ExitReason.TripleFault, 3)]
    [InlineData(HypervisorKind.Hyperkit, "text:Kernel%20panic%20-%20not%20syncing:%20x;reboot", ExitReason.Panic, 2)]
    public async Task One_exit_code_means_different_things(HypervisorKind hypervisor, string steps, ExitReason reason, int code)
    {
        var machine = await RunAsync(hypervisor, $"banner;{steps}", RebootAction.Stop);

        var exit = (await _client.WaitAsync(machine.Id)).LastExit;

        Assert.Equal((reason, code), (exit.Reason, exit.Code));
    }

    [Theory]
    [InlineData(HypervisorKind.Xhyve)]
    [InlineData(HypervisorKind.Hyperkit)]
    public async Task A_halt_is_a_power_button_only_once_the_guest_switched_acpi_on(HypervisorKind hypervisor)
    {
        var early = await RunAsync(hypervisor, "banner;hang");
        var late = await RunAsync(hypervisor, "acpi;banner;hang");

        var killed = (await _client.Machines.HaltMachineAsync(new() { Machine = early.Id })).Machine.LastExit;
        var halted = (await _client.Machines.HaltMachineAsync(new() { Machine = late.Id })).Machine.LastExit;

        Assert.Equal((ExitReason.Killed, 15), (killed.Reason, killed.Signal));
        Assert.Contains("had not switched ACPI on", killed.Detail, StringComparison.Ordinal);
        Assert.Equal(ExitReason.PowerOff, halted.Reason);
    }

    [Fact]
    public async Task A_guest_without_a_hand_for_the_button_is_killed_after_the_grace_time()
    {
        var machine = await RunAsync(HypervisorKind.Xhyve, "acpi;ignorepower;banner;hang");

        var halted = await _client.Machines.HaltMachineAsync(new() { Machine = machine.Id, Grace = new() { Nanos = 300_000_000 } });

        Assert.True(halted.Killed);
        Assert.Equal((ExitReason.Killed, 9), (halted.Machine.LastExit.Reason, halted.Machine.LastExit.Signal));
    }

    [Fact]
    public async Task HyperKit_pauses_and_goes_on_and_xhyve_refuses_and_lives()
    {
        var hyperKit = await RunAsync(HypervisorKind.Hyperkit, "acpi;lines:1000000:1000");
        var xhyve = await RunAsync(HypervisorKind.Xhyve, "banner;hang");

        await _client.Machines.PauseMachineAsync(new() { Machine = hyperKit.Id });
        await Eventually.TrueAsync(() => StandsStillAsync(hyperKit), "the guest stands still");
        Assert.Equal(MachineState.Paused, (await _client.GetAsync(hyperKit.Id)).State);

        await _client.Machines.ResumeMachineAsync(new() { Machine = hyperKit.Id });
        await Eventually.TrueAsync(async () => !await StandsStillAsync(hyperKit), "the guest goes on");
        await _client.Machines.PauseMachineAsync(new() { Machine = hyperKit.Id });
        var halted = await _client.Machines.HaltMachineAsync(new() { Machine = hyperKit.Id });
        Assert.Equal(ExitReason.PowerOff, halted.Machine.LastExit.Reason);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.PauseMachineAsync(new() { Machine = xhyve.Id }));
        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Equal(MachineState.Running, (await _client.GetAsync(xhyve.Id)).State);
    }

    [Theory]
    [InlineData(HypervisorKind.Xhyve)]
    [InlineData(HypervisorKind.Hyperkit)]
    public async Task A_guest_that_writes_nothing_runs_too(HypervisorKind hypervisor)
    {
        var machine = await RunAsync(hypervisor, "acpi;hang");

        Assert.Equal(MachineState.Running, machine.State);
        Assert.Equal(ExitReason.PowerOff, (await _client.Machines.HaltMachineAsync(new() { Machine = machine.Id })).Machine.LastExit.Reason);
    }

    [Fact]
    public async Task A_guest_that_reboots_has_the_same_uuid_and_journal_and_the_next_boot_number()
    {
        // Its first boot ends at once; the others read the same command line, so this is also a reset loop.
        var machine = await RunAsync(HypervisorKind.Xhyve, "banner;reboot");

        var ended = await _client.WaitAsync(machine.Id);

        Assert.True(ended.State == MachineState.Failed, ended.ToString());
        Assert.Equal(5, ended.BootCount);
        Assert.Contains("a reset loop", ended.LastExit.Detail, StringComparison.Ordinal);
        Assert.Equal(string.Concat(Enumerable.Repeat("fakehv ready\r\n", 5)), System.Text.Encoding.ASCII.GetString(await _client.FollowAsync(machine.Id)));
        Assert.Equal(machine.Spec.Uuid, ended.Spec.Uuid);
    }

    [Fact]
    public async Task A_start_that_xhyve_refuses_is_told_in_its_words()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => RunAsync(HypervisorKind.Xhyve, "stderr:Unable%20to%20create%20VM%20(-85377018);exit:1"));

        Assert.Contains("Unable to create VM (-85377018)", error.Status.Detail, StringComparison.Ordinal);
    }

    private async Task<bool> StandsStillAsync(Machine machine)
    {
        var before = DaemonClient.Truth(_daemon, machine).Length;
        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, TestContext.Current.CancellationToken);
        return DaemonClient.Truth(_daemon, machine).Length == before;
    }

    private async Task<Machine> RunAsync(HypervisorKind hypervisor, string steps, RebootAction onReboot = RebootAction.Unspecified)
    {
        var spec = DaemonClient.Fake(_daemon, steps);
        (spec.Hypervisor, spec.OnReboot) = (hypervisor, onReboot);
        return (await _client.Machines.RunMachineAsync(new() { Name = $"bhyve-{Interlocked.Increment(ref _machines)}", Spec = spec })).Machine;
    }
}
