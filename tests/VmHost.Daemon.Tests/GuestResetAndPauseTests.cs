using Google.Protobuf;
using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Guests that reset, stop or run again without a request, while VmHost believes something else.</summary>
public sealed class GuestResetAndPauseTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task A_guest_that_is_reset_while_it_is_paused_reboots_and_stays_controllable()
    {
        var machine = await _client.RunAsync(_daemon, "paused-reset", "banner;hang");
        await _client.Machines.PauseMachineAsync(new() { Machine = machine.Id });

        await MonitorPath.SendAsync(_daemon, machine, "system_reset");

        await Eventually.TrueAsync(async () => await _client.GetAsync(machine.Id) is { State: MachineState.Running, BootCount: 2 }, "the guest rebooted");
        await _client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
        Assert.Equal(MachineState.Paused, (await _client.GetAsync(machine.Id)).State);
        await _client.Machines.HaltMachineAsync(new() { Machine = machine.Id });
        Assert.Equal(ExitReason.PowerOff, (await _client.WaitAsync(machine.Id)).LastExit.Reason);
    }

    [Fact]
    public async Task A_guest_that_is_stopped_at_an_io_error_is_paused_with_the_reason_and_a_resume_tells_if_it_stopped_again()
    {
        var machine = await StartAsync("full-disk", "banner;echo;ioerror:disk0;ioerror:disk0;text:written;hang");
        await TypeExitAsync(machine);
        await Eventually.TrueAsync(async () => (await _client.GetAsync(machine.Id)).State == MachineState.Paused, "the guest is paused");
        Assert.Equal("paused: I/O error on disk0 (No space left on device)", (await _client.GetAsync(machine.Id)).StateDetail);
        Assert.Equal(new MachinePause { Cause = PauseCause.IoError, Device = "disk0", Text = "No space left on device" }, (await _client.GetAsync(machine.Id)).Pause);

        var again = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.ResumeMachineAsync(new() { Machine = machine.Id }));
        Assert.Equal(StatusCode.FailedPrecondition, again.StatusCode);
        Assert.Contains("stopped again: paused: I/O error on disk0 (No space left on device)", again.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(MachineState.Paused, (await _client.GetAsync(machine.Id)).State);

        Assert.True((await _client.Machines.ResumeMachineAsync(new() { Machine = machine.Id })).Changed);
        await _client.ConsoleShowsAsync(machine.Id, "written");
        Assert.Null((await _client.GetAsync(machine.Id)).Pause);
        Assert.Equal((MachineState.Running, ""), ((await _client.GetAsync(machine.Id)).State, (await _client.GetAsync(machine.Id)).StateDetail));
    }

    [Fact]
    public async Task A_guest_that_another_program_stops_and_continues_is_reported_so()
    {
        var machine = await StartAsync("other-hands", "banner;hang");

        await MonitorPath.SendAsync(_daemon, machine, "stop");
        await Eventually.TrueAsync(async () => (await _client.GetAsync(machine.Id)).State == MachineState.Paused, "the guest is paused");
        Assert.Contains("another program", (await _client.GetAsync(machine.Id)).StateDetail, StringComparison.Ordinal);
        Assert.Equal(new MachinePause { Cause = PauseCause.External }, (await _client.GetAsync(machine.Id)).Pause);

        await MonitorPath.SendAsync(_daemon, machine, "cont");
        await Eventually.TrueAsync(async () => (await _client.GetAsync(machine.Id)).State == MachineState.Running, "the guest runs");
        await _client.Machines.HaltMachineAsync(new() { Machine = machine.Id });
    }

    [Fact]
    public async Task What_happened_to_a_guest_while_no_daemon_ran_is_found_at_the_adoption()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var broken = await client.RunAsync(daemon, "broken", "banner;echo;ioerror:disk0;text:written;hang");
        var continued = await client.RunAsync(daemon, "continued", "banner;hang");
        await client.ConsoleShowsAsync(broken.Id, "fakehv ready");
        await client.Machines.PauseMachineAsync(new() { Machine = continued.Id });
        using (var shim = await ShimSocket.ConnectAsync(daemon, broken.Id, TestContext.Current.CancellationToken))
        {
            await daemon.KillAsync();
            await shim.SendAsync(ShimContract.Wire.FrameType.Input, "exit\n"u8.ToArray(), TestContext.Current.CancellationToken);
            await MonitorPath.SendAsync(daemon, continued, "cont");
            await MonitorPath.WaitForStatusAsync(daemon, broken, "io-error");
        }

        await daemon.StartAsync();

        await Eventually.TrueAsync(async () => (await client.GetAsync(broken.Id)).State == MachineState.Paused, "the one is paused");
        Assert.Equal("paused: I/O error on disk0 (No space left on device)", (await client.GetAsync(broken.Id)).StateDetail);
        await Eventually.TrueAsync(async () => (await client.GetAsync(continued.Id)).State == MachineState.Running, "the other runs");
    }

    // The monitor is opened before the adopted machine is watched; what QEMU reports afterwards must not be lost.
    [Fact]
    public async Task What_happens_to_a_guest_after_its_adoption_is_seen_too()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "adopted", "banner;hang");
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        await daemon.KillAsync();
        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await client.GetAsync(machine.Id)).State == MachineState.Running, "the machine is adopted");

        foreach (var (command, state) in new[] { ("stop", MachineState.Paused), ("cont", MachineState.Running), ("stop", MachineState.Paused) })
        {
            await MonitorPath.SendAsync(daemon, machine, command);
            await Eventually.TrueAsync(async () => (await client.GetAsync(machine.Id)).State == state, $"the machine is {state}");
        }
    }

    private async Task<Machine> StartAsync(string name, string steps)
    {
        var machine = await _client.RunAsync(_daemon, name, steps);
        await _client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        return machine;
    }

    private async Task TypeExitAsync(Machine machine) =>
        await _client.Console.WriteConsoleAsync(new() { Machine = machine.Id, Data = ByteString.CopyFromUtf8("exit\n") });
}
