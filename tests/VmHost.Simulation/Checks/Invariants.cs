using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Simulation.Daemon;
using VmHost.Simulation.Truth;
using VmHost.State;

namespace VmHost.Simulation.Checks;

/// <summary>What must hold after each step, and what must hold once nothing is under way any more.</summary>
internal sealed class Invariants(SimulatedHost host, Watcher watcher)
{
    private readonly Dictionary<string, ExitSummary> _ends = new(StringComparer.Ordinal);
    private MachineLife? _seen;

    internal void DaemonDied()
    {
        _seen = null;
        if (host.Disk.IsBehind)
            _ends.Clear();
        if (host.Disk.Record is { Boot: { } boot } record && record.LastExit?.Boot != boot.Number)
            _ends.Remove(boot.Nonce);   // nothing of it was reported yet
    }

    internal void AfterStep(SimulatedDaemon? daemon)
    {
        SimulatedBoot? live = null;
        foreach (var boot in host.Boots)
        {
            if (!boot.Lives)
                continue;

            Require(live is null, "I2: two boots live at once");
            Require(host.Disk.Record?.Boot?.Nonce == boot.Record.Nonce, $"I1: boot {boot.Number} lives, and {Describe(host.Disk.Record)} is on disk");
            live = boot;
        }

        if (daemon is null)
            return;

        var life = daemon.Life;
        if (life.Phase is MachinePhase.Created or MachinePhase.Ended or MachinePhase.Backoff or MachinePhase.Deleted)
            Require(!host.LockHeld, $"I2: shown as {life.Phase.State}, and its lock is held");
        if (life.Phase is MachinePhase.Preparing)
            Require(live is null, "I2: the next boot is prepared while one lives");
        if (daemon.World.IsIdle && life.Phase is (MachinePhase.Running or MachinePhase.Paused) && live is { Hypervisor: ProcessState.Lives, ShimLives: true } && !daemon.Clients.StopIsUnanswered && !daemon.Clients.HasUnanswered<MachineEvent.DeleteRequested>())
            watcher.Expectations.ShownRunning(life.Record!, daemon.Clients.HasUnanswered<MachineEvent.UpdateRequested>());
        if (ReferenceEquals(life, _seen))
            return;

        _seen = life;
        Require(life.Phase is not (MachinePhase.Ended { Expected: false } or MachinePhase.Unknown or MachinePhase.Backoff) || life.Phase.Detail.Length > 0, "I5: a failure without a reason");
        CheckEnd(life);
    }

    /// <summary>All is healthy, nothing is under way and no timer runs.</summary>
    internal void WhenSettled(SimulatedDaemon daemon)
    {
        var life = daemon.Life;
        var live = host.Live;
        Require(daemon.Clients.Unanswered == 0, "a request is never answered");
        if (life.Phase is MachinePhase.Unreadable)
            return;

        Require(life.Phase is MachinePhase.Created or MachinePhase.Ended or MachinePhase.Running or MachinePhase.Paused or MachinePhase.Deleted, $"the machine stays in {life.Phase}");
        if (life.Phase is MachinePhase.Running or MachinePhase.Paused)
        {
            Require(live is { Hypervisor: ProcessState.Lives }, "shown as running, and no hypervisor lives");
            CheckRunning(daemon, life, live!);
        }
        else
        {
            Require(live is null, $"shown as {life.Phase.State}, and boot {live?.Number} lives");
            Require(!daemon.World.Claimed, "at rest, and it claims its disks and memory");
            Require(!daemon.World.ConsoleLive || life.Phase is MachinePhase.Deleted, "at rest, and its console's followers wait for more");
        }

        if (life.Phase is not MachinePhase.Deleted)
            CheckDisk(life);
        if (life.Phase is not MachinePhase.Deleted && watcher.Expectations.MustRun(life.Record!))
            Require(live is not null, $"it is to run, and is {life.Phase}");
        if (watcher.Expectations.MustRest)
            Require(live is null, "it was halted or killed, and runs");
        if (live is not null)
            Require(!watcher.Expectations.MustBeDead(live), $"boot {live.Number} was to be killed, and lives");
    }

    private void CheckRunning(SimulatedDaemon daemon, MachineLife life, SimulatedBoot live)
    {
        var record = life.Record!;
        Require(life.Phase.Live is { } shown && shown.Number == live.Number && shown.ShimPid == live.ShimPid && shown.HypervisorPid == live.HypervisorPid, "shown with another boot's processes");
        Require(record.Boot!.Nonce == live.Record.Nonce, "shown with another boot");
        Require(daemon.World.Claimed, "it runs, and its disks and memory are free");
        Require(daemon.World.ConsoleLive, "it runs, and its console's followers do not wait for more");
        Require(!record.StoppedByHand && record.Halt is null, "it runs, no halt is under way, and it is marked as stopped by hand");
        Require(live.Control != ControlChannel.Qmp || !live.GuestHalted || watcher.DefectInjected, "its guest halted, and QEMU stays");
        Require(daemon.World.DigestsOf != live.Number || !life.Digests.IsEmpty || watcher.DefectInjected, "the digests of its files are lost");


        // Others than QEMU cannot be asked: there the record decides, if it could be written.
        if (live.Control != ControlChannel.Qmp && (host.Disk.WasBehind || live.OutlivedDaemon))
            return;

        switch (life.Phase)
        {
            case MachinePhase.Running:
                Require(live.Run == GuestRun.Runs, $"shown as running, and its guest stands still ({live.Run})");
                Require(record.PausedBoot is null, "it runs, and is marked as paused");
                break;
            case MachinePhase.Paused paused:
                Require(live.Run != GuestRun.Runs, "shown as paused, and its guest runs");
                Require(paused.Cause is PauseCause.IoError == live.Run is GuestRun.IoError, $"shown as '{paused.Detail}', and the truth is {live.Run}");
                Require(paused.Cause is not PauseCause.Requested || record.PausedBoot == live.Number, "paused by a request, which is not in its record");
                break;
            default:
                break;
        }
    }

    // What the next daemon finds is what this one knows.
    private void CheckDisk(MachineLife life)
    {
        if (host.Disk.IsBehind || host.Disk.Record is not { } stored)
            return;

        // What kept a machine from ever running is told to who ran it, and not kept.
        if (stored.Boot is null && life.Record!.Boot is null)
            stored = stored with { RestDetail = life.Record.RestDetail, RestExpected = life.Record.RestExpected, StoppedByHand = life.Record.StoppedByHand };

        Require(stored with { Seq = 0 } == life.Record! with { Seq = 0 }, $"on disk is {Describe(stored)}, and the machine is {Describe(life.Record)}");
    }

    private void CheckEnd(MachineLife life)
    {
        if (life.Record is not { LastExit: { } exit, Boot: { } boot } || exit.Boot != boot.Number)
            return;

        if (_ends.TryGetValue(boot.Nonce, out var first))
            Require(first.Reason == exit.Reason && first.Detail == exit.Detail && first.Expected == exit.Expected, $"the end of boot {exit.Boot}, {first.Reason}: {first.Detail}, is overwritten with {exit.Reason}: {exit.Detail}");
        else
            _ends[boot.Nonce] = exit;
    }

    private static string Describe(MachineRecord? record) =>
        record is null ? "nothing" : $"{record with { Spec = null!, LastExit = null }} with the end {record.LastExit?.Boot}: {record.LastExit?.Reason}";

    private static void Require(bool holds, string problem)
    {
        if (!holds)
            throw new ViolationException(problem);
    }
}
