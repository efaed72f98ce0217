using System.Text.RegularExpressions;
using Grpc.Core;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

public sealed partial class RestartPolicyTests
{
    private const string CrashLoop = "banner;sleep:50;exit:7";

    [Fact]
    public async Task A_machine_that_fails_again_and_again_is_given_up_and_says_so_also_in_the_next_daemon()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await RunAsync(client, daemon, "crashes", CrashLoop, new() { Mode = RestartMode.OnFailure, MaxRetries = 1 });

        var ended = await client.WaitAsync("crashes");

        Assert.Equal((MachineState.Failed, 2), (ended.State, ended.BootCount));
        Assert.StartsWith("given up after 1 restart in a row:", ended.StateDetail, StringComparison.Ordinal);
        Assert.Equal("fakehv ready\r\nfakehv ready\r\n", System.Text.Encoding.ASCII.GetString(await client.FollowAsync("crashes")));

        await daemon.KillAsync();
        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await client.GetAsync("crashes")).State == MachineState.Failed, "it is still failed");
        Assert.Equal(ended.StateDetail, (await client.GetAsync("crashes")).StateDetail);
    }

    [Fact]
    public async Task A_wait_for_the_next_start_goes_on_over_the_death_of_the_daemon()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await RunAsync(client, daemon, "waits", CrashLoop, new() { Mode = RestartMode.Always });
        var waiting = await UntilAsync(client, "waits", machine => machine.State == MachineState.Backoff && machine.BootCount >= 3);

        await daemon.KillAsync();
        await daemon.StartAsync();

        var found = await UntilAsync(client, "waits", machine => machine.State != MachineState.Unknown);
        Assert.True(found.State == MachineState.Backoff, $"{found.State}: {found.StateDetail}");
        Assert.Equal((waiting.RestartAttempts, waiting.NextStartTime), (found.RestartAttempts, found.NextStartTime));
        Assert.Equal(3, waiting.RestartAttempts);
        await UntilAsync(client, "waits", machine => machine.BootCount >= 4);
    }

    [Fact]
    public async Task A_halt_ends_the_waiting_and_is_remembered_and_a_start_begins_anew()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await RunAsync(client, daemon, "halted", CrashLoop, new() { Mode = RestartMode.Always });
        await UntilAsync(client, "halted", machine => machine.State == MachineState.Backoff && machine.BootCount >= 2);

        var halted = await client.Machines.HaltMachineAsync(new() { Machine = "halted" });

        Assert.True(halted.Changed);
        Assert.Equal(MachineState.Failed, halted.Machine.State);
        Assert.Contains("not started again, as it was halted", halted.Machine.StateDetail, StringComparison.Ordinal);
        await daemon.KillAsync();
        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await client.GetAsync("halted")).State == MachineState.Failed, "it stays halted");

        await client.Machines.StartMachineAsync(new() { Machine = "halted" });
        var waiting = await UntilAsync(client, "halted", machine => machine.State == MachineState.Backoff);
        Assert.Equal(1, waiting.RestartAttempts);
    }

    [Fact]
    public async Task A_machine_that_is_halted_while_it_runs_is_not_started_again_and_one_that_powers_off_is()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await RunAsync(client, daemon, "byhand", "banner;hang", new() { Mode = RestartMode.Always });
        await RunAsync(client, daemon, "byitself", "banner", new() { Mode = RestartMode.UnlessStopped });

        Assert.Equal(MachineState.Stopped, (await client.Machines.HaltMachineAsync(new() { Machine = "byhand" })).Machine.State);
        await UntilAsync(client, "byitself", machine => machine.BootCount >= 2);
        Assert.Equal(1, (await client.GetAsync("byhand")).BootCount);
    }

    [Fact]
    public async Task A_policy_can_be_changed_while_the_machine_waits_or_runs()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await RunAsync(client, daemon, "changes", CrashLoop, new() { Mode = RestartMode.Always });
        await UntilAsync(client, "changes", machine => machine.State == MachineState.Backoff);

        var updated = await client.Machines.UpdateMachineAsync(new() { Machine = "changes", RestartPolicy = new() { Mode = RestartMode.No } });

        Assert.True(updated.Changed);
        Assert.Equal((MachineState.Failed, RestartMode.No), (updated.Machine.State, updated.Machine.RestartPolicy.Mode));
        Assert.StartsWith("not started again, as its restart policy was taken away", updated.Machine.StateDetail, StringComparison.Ordinal);
        Assert.False((await client.Machines.UpdateMachineAsync(new() { Machine = "changes", RestartPolicy = new() { Mode = RestartMode.No } })).Changed);

        var running = await client.RunAsync(daemon, "runs", "banner;hang");
        await client.Machines.UpdateMachineAsync(new() { Machine = "runs", RestartPolicy = new() { Mode = RestartMode.OnFailure } });
        await daemon.KillAsync();
        await daemon.StartAsync();
        await UntilAsync(client, "runs", machine => machine.State == MachineState.Running);
        Signals.Send(running.HypervisorPid, Signals.Kill);
        await UntilAsync(client, "runs", machine => machine.BootCount == 2 && machine.State == MachineState.Running);

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await client.Machines.UpdateMachineAsync(new() { Machine = "runs", RestartPolicy = new() { Mode = RestartMode.Always, MaxRetries = 3 } }));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Fact]
    public async Task After_a_boot_of_the_host_those_start_that_are_to_and_the_others_say_what_happened()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        List<Machine> machines =
        [
            await RunAsync(client, daemon, "a-always", "banner;hang", new() { Mode = RestartMode.Always }),
            await RunAsync(client, daemon, "b-stopped", "banner;hang", new() { Mode = RestartMode.UnlessStopped }),
            await RunAsync(client, daemon, "c-unless", "banner;hang", new() { Mode = RestartMode.UnlessStopped }),
            await RunAsync(client, daemon, "d-no", "banner;hang", new() { Mode = RestartMode.No }),
        ];
        await client.Machines.HaltMachineAsync(new() { Machine = "b-stopped" });

        // What a host that loses power leaves: records of another boot of it, and nothing that runs.
        await daemon.KillAsync();
        foreach (var machine in machines)
        {
            Signals.Send(machine.ShimPid, Signals.Kill);
            await Eventually.TrueAsync(() => !FileLock.IsHeld(Path.Combine(daemon.MachineDirectory(machine.Id), "lock")), "it is dead");
            var record = Path.Combine(daemon.MachineDirectory(machine.Id), "machine.json");
            await File.WriteAllTextAsync(record, HostBootId().Replace(await File.ReadAllTextAsync(record), "\"host_boot_id\": \"00000000-0000-0000-0000-000000000000\""));
        }

        await daemon.StartAsync();

        await UntilAsync(client, "a-always", machine => machine.State == MachineState.Running && machine.BootCount == 2);
        await UntilAsync(client, "c-unless", machine => machine.State == MachineState.Running && machine.BootCount == 2);
        var no = await client.GetAsync("d-no");
        Assert.Equal((MachineState.Stopped, ExitReason.HostRebooted), (no.State, no.LastExit.Reason));
        Assert.Equal((MachineState.Stopped, 1), ((await client.GetAsync("b-stopped")).State, (await client.GetAsync("b-stopped")).BootCount));
    }

    [Fact]
    public async Task A_start_that_fails_again_counts_once_and_is_tried_again()
    {
        using var directory = new TemporaryDirectory();
        var (program, broken) = (directory.Combine("qemu"), directory.Combine("broken"));
        ExecutableFile.Write(program, $"#!/bin/sh\nif [ -e {broken} ] && [ $# -gt 3 ]; then echo out of order >&2; exit 1; fi\nexec {Repository.FakeHypervisor} \"$@\"\n");
        await using var daemon = await DaemonProcess.StartOnFakeAsync("--qemu", program);
        using var client = new DaemonClient(daemon);
        await RunAsync(client, daemon, "broken", CrashLoop, new() { Mode = RestartMode.Always });
        await File.WriteAllTextAsync(broken, "");

        var failed = await UntilAsync(client, "broken", machine => machine is { State: MachineState.Backoff, LastExit.Reason: ExitReason.StartFailed });

        Assert.Equal((2, 2), (failed.RestartAttempts, failed.BootCount));
        File.Delete(broken);
        await UntilAsync(client, "broken", machine => machine.LastExit.Reason == ExitReason.HypervisorError && machine.BootCount >= 3);
    }

    [Fact]
    public async Task A_clock_that_was_set_makes_nobody_wait_longer_than_the_longest_delay()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await RunAsync(client, daemon, "late", CrashLoop, new() { Mode = RestartMode.Always });
        await UntilAsync(client, "late", one => one.State == MachineState.Backoff && one.BootCount >= 2);
        await daemon.KillAsync();
        var record = Path.Combine(daemon.MachineDirectory(machine.Id), "machine.json");
        await File.WriteAllTextAsync(record, NextAt().Replace(await File.ReadAllTextAsync(record), "\"next_at\": \"2099-01-01T00:00:00+00:00\""));

        await daemon.StartAsync();

        var waiting = await UntilAsync(client, "late", one => one.State == MachineState.Backoff);
        Assert.InRange(waiting.NextStartTime.ToDateTimeOffset() - TimeProvider.System.GetUtcNow(), TimeSpan.Zero, TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task A_first_start_that_fails_is_told_and_leaves_nothing_whatever_the_policy()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);

        var refused = await Assert.ThrowsAsync<RpcException>(() => RunAsync(client, daemon, "never", "exit:1", new() { Mode = RestartMode.Always }));

        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Empty((await client.Machines.ListMachinesAsync(new())).Machines);
    }

    private static async Task<Machine> RunAsync(DaemonClient client, DaemonProcess daemon, string name, string steps, RestartPolicy policy) =>
        (await client.Machines.RunMachineAsync(new() { Name = name, Spec = DaemonClient.Fake(daemon, steps), RestartPolicy = policy })).Machine;

    private static async Task<Machine> UntilAsync(DaemonClient client, string name, Func<Machine, bool> condition)
    {
        Machine machine = null!;
        await Eventually.TrueAsync(async () => condition(machine = await client.GetAsync(name)), $"{name} is as awaited");
        return machine;
    }

    [GeneratedRegex("\"next_at\": \"[^\"]*\"", RegexOptions.NonBacktracking)]
    private static partial Regex NextAt();

    [GeneratedRegex("\"host_boot_id\": \"[^\"]*\"", RegexOptions.NonBacktracking)]
    private static partial Regex HostBootId();
}
