using VmHost.Hypervisors;
using VmHost.Machines;
using VmHost.Machines.Life;
using VmHost.Specs;
using VmHost.State;
using VmHost.Tests.Hypervisors;

namespace VmHost.Tests.Machines.Life;

/// <summary>A machine in each phase, and each event, with a variant for each guard in the rules.</summary>
internal static class LifeSamples
{
    internal const int Boot = 2;

    internal static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    internal static readonly LiveBoot Qemu = new(Boot, ControlChannel.Qmp, 100, 101);

    internal static readonly LiveBoot HyperKit = Qemu with { Control = ControlChannel.TerminateAndUserSignals };

    internal static readonly LiveBoot Xhyve = Qemu with { Control = ControlChannel.TerminateSignal };

    internal static readonly BootRecord BootRecord = new(Boot, "nonce", "host", HypervisorKind.Qemu, "/usr/bin/qemu", [], Now);

    internal static readonly LaunchPlan Plan = new() { Executable = "/usr/bin/qemu", Options = [], ConsoleOnStandardOutput = true };

    internal static readonly MachineRecord Fresh = new()
    {
        Schema = MachineRecord.CurrentSchema,
        Seq = 0,
        Id = "0123456789ab",
        Name = "m",
        Spec = Specimens.Minimal,
        CreatedAt = Now,
        Restart = new(RestartMode.OnFailure, 0),
    };

    /// <summary>A boot runs.</summary>
    internal static readonly MachineRecord Ran = Fresh with { Seq = 5, Boot = BootRecord };

    /// <summary>The boot ended.</summary>
    internal static readonly MachineRecord Rested = Ran with { LastExit = Exit(ExitReason.PowerOff) };

    /// <summary>A halt of the boot is under way.</summary>
    internal static readonly MachineRecord Halting = Ran with { StoppedByHand = true, Halt = new(Boot, Now.AddSeconds(5), KillAfterwards: true, null) };

    /// <summary>A restart of the boot is under way.</summary>
    internal static readonly MachineRecord Restarting = Halting with { Halt = Halting.Halt! with { ThenStart = true } };

    /// <summary>The next boot takes another spec.</summary>
    internal static readonly MachineSpec Larger = Fresh.Spec with { CpuCount = 2 };

    private const long Starter = 11;
    private const long Stopper = 12;

    private static readonly PendingStart Start = new(StartCause.Request, [new(Starter, WaiterKind.Start)], []);
    private static readonly PendingStart Reboot = new(StartCause.Reboot, [], []);
    private static readonly PendingStart Policy = new(StartCause.Policy, [], []);
    private static readonly PendingStart Stopped = Start with { Waiters = [.. Start.Waiters, new(Stopper, WaiterKind.HaltOnly)], Stop = new(Kill: false, Now.AddSeconds(5), null) };

    internal static IEnumerable<(string Label, MachineLife Life)> Phases()
    {
        yield return ("Unreadable", new("0123456789ab", null, new MachinePhase.Unreadable("torn"), []));
        yield return ("Adopting", Life(Ran, new MachinePhase.Adopting([])));
        yield return ("Adopting, request held", Life(Ran, new MachinePhase.Adopting([new MachineEvent.PauseRequested(Starter)])));
        yield return ("Adopting, paused", Life(Ran with { PausedBoot = Boot }, new MachinePhase.Adopting([])));
        yield return ("Adopting, halting", Life(Halting, new MachinePhase.Adopting([])));
        yield return ("Adopting, at rest", Life(Rested, new MachinePhase.Adopting([])));
        yield return ("Adopting, waiting", Life(Rested with { Retry = new(1, Now.AddSeconds(3)) }, new MachinePhase.Adopting([])));
        yield return ("Adopting, rebooting", Life(Rested with { RebootPending = true }, new MachinePhase.Adopting([])));
        yield return ("Adopting, restarting", Life(Restarting, new MachinePhase.Adopting([])));
        yield return ("Adopting, at rest, restarting", Life(Restarting with { LastExit = Exit(ExitReason.PowerOff) }, new MachinePhase.Adopting([])));
        yield return ("Created", Life(Fresh, new MachinePhase.Created()));
        yield return ("Ended", Life(Rested, new MachinePhase.Ended(Expected: true, "ended")));
        yield return ("Backoff", Life(Rested with { Retry = new(1, Now.AddSeconds(3)) }, new MachinePhase.Backoff("ended")));
        yield return ("Backoff, policy being changed", Life(Rested with { Retry = new(1, Now.AddSeconds(3)) }, new MachinePhase.Backoff("ended")) with { Updates = [new(1, new() { Restart = RestartPolicy.Never })] });
        yield return ("Preparing, first start", Life(Fresh, new MachinePhase.Preparing(new MachinePhase.Created(), Start)));
        yield return ("Preparing, reboot", Life(Rested with { RebootPending = true }, new MachinePhase.Preparing(null, Reboot)));
        yield return ("Preparing, by policy", Life(Rested with { Retry = new(1, Now) }, new MachinePhase.Preparing(new MachinePhase.Backoff("ended"), Policy)));
        yield return ("Preparing, to be halted", Life(Rested, new MachinePhase.Preparing(new MachinePhase.Ended(Expected: true, "ended"), Stopped)));
        yield return ("Preparing, pending spec", Life(Rested with { PendingSpec = Larger }, new MachinePhase.Preparing(new MachinePhase.Ended(Expected: true, "ended"), Start, Larger)));
        yield return ("Preparing, pending spec by policy", Life(Rested with { PendingSpec = Larger, Retry = new(1, Now) }, new MachinePhase.Preparing(new MachinePhase.Backoff("ended"), Policy, Larger)));
        yield return ("Launching, pending spec", Life(Ran with { Spec = Larger, PreviousSpec = Fresh.Spec }, new MachinePhase.Launching(Rested with { Seq = 4, PendingSpec = Larger }, Start)));
        yield return ("Launching", Life(Ran, new MachinePhase.Launching(Fresh with { Seq = 4 }, Start)));
        yield return ("Launching, reboot", Life(Ran, new MachinePhase.Launching(Rested with { Seq = 4, RebootPending = true }, Reboot)));
        yield return ("Launching, to be halted", Life(Ran, new MachinePhase.Launching(Fresh with { Seq = 4 }, Stopped)));
        yield return ("Connecting", Life(Ran, new MachinePhase.Connecting(Start, null)));
        yield return ("Connecting, not started", Life(Ran, new MachinePhase.Connecting(Start, "refused")));
        yield return ("Connecting, to be halted", Life(Ran, new MachinePhase.Connecting(Stopped, null)));
        yield return ("Confirming", Life(Ran, new MachinePhase.Confirming(Qemu, Start)));
        yield return ("Confirming, xhyve", Life(Ran, new MachinePhase.Confirming(Xhyve, Start)));
        yield return ("Confirming, new spec", Life(Ran with { Spec = Larger, PreviousSpec = Fresh.Spec }, new MachinePhase.Confirming(Qemu, Start)));
        yield return ("Running, spec being changed", Life(Ran, new MachinePhase.Running(Qemu, [])) with { Updates = [new(1, new() { Spec = new() { CpuCount = 2 } })] });
        yield return ("Running, pending spec", Life(Ran with { PendingSpec = Larger }, new MachinePhase.Running(Qemu, [])));
        yield return ("Running", Life(Ran, new MachinePhase.Running(Qemu, [])));
        yield return ("Running, xhyve", Life(Ran, new MachinePhase.Running(Xhyve, [])));
        yield return ("Running, policy being changed", Life(Ran, new MachinePhase.Running(Qemu, [])) with { Updates = [new(1, new() { Restart = new(RestartMode.Always, 0) })] });
        yield return ("Running, being paused", Life(Ran with { PausedBoot = Boot }, new MachinePhase.Running(Qemu, [new(Starter, WaiterKind.Pause)])));
        yield return ("Paused", Life(Ran with { PausedBoot = Boot }, new MachinePhase.Paused(Qemu, new PauseCause.Requested(), [])));
        yield return ("Paused, HyperKit", Life(Ran with { PausedBoot = Boot }, new MachinePhase.Paused(HyperKit, new PauseCause.Requested(), [])));
        yield return ("Paused, I/O error", Life(Ran, new MachinePhase.Paused(Qemu, IoError, [])));
        yield return ("Paused, being resumed", Life(Ran with { PausedBoot = Boot }, new MachinePhase.Paused(Qemu, new PauseCause.Requested(), [new(Starter, WaiterKind.Resume)])));
        yield return ("Paused, resumed from I/O error", Life(Ran, new MachinePhase.Paused(Qemu, IoError, [new(Starter, WaiterKind.Resume)], ResumeRetry.Settling)));
        yield return ("Paused, settled after I/O error", Life(Ran, new MachinePhase.Paused(Qemu, IoError, [new(Starter, WaiterKind.Resume)], ResumeRetry.Settled)));
        yield return ("Stopping", Life(Halting, new MachinePhase.Stopping(Qemu, StopCause.Request, [new(Stopper, WaiterKind.HaltThenKill)], new(Presses: 1, Line: "halt"))));
        yield return ("Stopping, not to be killed", Life(Halting, new MachinePhase.Stopping(Qemu, StopCause.Request, [new(Stopper, WaiterKind.HaltOnly)], new(Presses: 1))));
        yield return ("Stopping, to be started again", Life(Restarting, new MachinePhase.Stopping(Qemu, StopCause.Request, [new(Stopper, WaiterKind.HaltOnly, ThenStart: true)], new(Presses: 1))));
        yield return ("Stopping, killing, to be started again", Life(Restarting, new MachinePhase.Stopping(Qemu, StopCause.Request, [new(Stopper, WaiterKind.Kill, ThenStart: true), new(Starter, WaiterKind.HaltOnly)], new(Killing: true))));
        yield return ("Stopping, paused", Life(Halting with { PausedBoot = Boot }, new MachinePhase.Stopping(HyperKit, StopCause.Request, [new(Stopper, WaiterKind.HaltOnly)], new(Presses: 1))));
        yield return ("Stopping, not confirmed", Life(Halting, new MachinePhase.Stopping(Qemu, StopCause.Request, Stopped.Waiters, new(Presses: 1), Stopped)));
        yield return ("Stopping, killing", Life(Halting, new MachinePhase.Stopping(Qemu, StopCause.Request, [new(Stopper, WaiterKind.Kill)], new(Killing: true))));
        yield return ("Stopping, shim silent", Life(Halting, new MachinePhase.Stopping(Qemu, StopCause.Request, [new(Stopper, WaiterKind.Kill)], new(Killing: true, ShimSilent: true))));
        yield return ("Stopping, guest halted", Life(Ran, new MachinePhase.Stopping(Qemu, StopCause.GuestHalted, [], new(Killing: true))));
        yield return ("Stopping, never ready", Life(Ran, new MachinePhase.Stopping(Qemu, StopCause.StartTimedOut, Start.Waiters, new(Killing: true), Start)));
        yield return ("Unknown", Life(Ran, new MachinePhase.Unknown("silent", Qemu, null, [])));
        yield return ("Unknown, being killed", Life(Halting, new MachinePhase.Unknown("silent", Qemu, StopCause.Request, [new(Stopper, WaiterKind.Kill)])));
        yield return ("Unknown, not confirmed", Life(Ran, new MachinePhase.Unknown("silent", Qemu, null, [], Start with { Waiters = [] })));
        yield return ("Unknown, loop failed", Life(Ran, new MachinePhase.Unknown("internal", Qemu, null, [], ResultsCount: false)));
        yield return ("Unknown, at rest", Life(Rested, new MachinePhase.Unknown("internal", null, null, [new(Stopper, WaiterKind.Kill)])));
        yield return ("Deleting", Life(Rested, new MachinePhase.Deleting(new MachinePhase.Ended(Expected: true, "ended"), new(Starter, WaiterKind.Delete))));
        yield return ("Deleted", Life(Rested, new MachinePhase.Deleted(MachineState.Stopped)));
    }

    internal static IEnumerable<(string Label, MachineEvent Event)> Events()
    {
        yield return ("StartRequested", new MachineEvent.StartRequested(1));
        yield return ("StartRequested with the host", new MachineEvent.StartRequested(1, WithHost: true));
        yield return ("HaltRequested", new MachineEvent.HaltRequested(1, new(TimeSpan.FromSeconds(10), KillAfterwards: true, null)));
        yield return ("HaltRequested, not to kill", new MachineEvent.HaltRequested(1, new(TimeSpan.FromSeconds(10), KillAfterwards: false, "halt")));
        yield return ("KillRequested", new MachineEvent.KillRequested(1));
        yield return ("RestartRequested", new MachineEvent.RestartRequested(1, new(TimeSpan.FromSeconds(10), KillAfterwards: true, null)));
        yield return ("RestartRequested, not to kill", new MachineEvent.RestartRequested(1, new(TimeSpan.FromSeconds(10), KillAfterwards: false, "halt")));
        yield return ("ResetRequested", new MachineEvent.ResetRequested(1));
        yield return ("PauseRequested", new MachineEvent.PauseRequested(1));
        yield return ("ResumeRequested", new MachineEvent.ResumeRequested(1));
        yield return ("UpdateRequested", new MachineEvent.UpdateRequested(1, new() { Restart = new(RestartMode.Always, 0) }));
        yield return ("UpdateRequested, as it is", new MachineEvent.UpdateRequested(1, new() { Restart = new(RestartMode.OnFailure, 0) }));
        yield return ("UpdateRequested, labels", new MachineEvent.UpdateRequested(1, new() { Labels = Labels.None.Add("a", "b") }));
        yield return ("UpdateRequested, spec", new MachineEvent.UpdateRequested(1, new() { Spec = new() { CpuCount = 2 } }));
        yield return ("UpdateRequested, spec as it is", new MachineEvent.UpdateRequested(1, new() { Spec = new() { CpuCount = Fresh.Spec.CpuCount } }));
        yield return ("UpdateRequested, name", new MachineEvent.UpdateRequested(1, new() { Name = "other" }));
        yield return ("UpdateRequested, of an earlier revision", new MachineEvent.UpdateRequested(1, new() { Labels = Labels.None.Add("a", "b") }, Revision: 7));
        yield return ("UpdateRequested, write only", new MachineEvent.UpdateRequested(1, MachineChange.WriteOnly));
        yield return ("DeleteRequested", new MachineEvent.DeleteRequested(1, EvenUnknown: false));
        yield return ("DeleteRequested, even unknown", new MachineEvent.DeleteRequested(1, EvenUnknown: true));
        yield return ("DaemonStarted", new MachineEvent.DaemonStarted());
        yield return ("LoopFailed", new MachineEvent.LoopFailed("internal"));
        foreach (var kind in Enum.GetValues<TimerKind>())
            yield return ($"TimerDue {kind}", new MachineEvent.TimerDue(new(kind, kind == TimerKind.HaltDeadline ? Stopper : 0)));

        yield return ("Prepared", new MachineEvent.Prepared(BootRecord with { Number = 3 }, Plan));
        yield return ("PreparationFailed", new MachineEvent.PreparationFailed(new(VmHostError.FailedPrecondition, "no disk")));
        yield return ("UpdateSaved", new MachineEvent.UpdateSaved(1, Ran with { Restart = RestartPolicy.Never }));
        yield return ("UpdateFailed", new MachineEvent.UpdateFailed(1, "disk full"));
        yield return ("FilesDeleted", new MachineEvent.FilesDeleted());
        yield return ("DeletionFailed", new MachineEvent.DeletionFailed(new(VmHostError.Internal, "disk")));
        yield return ("Launched", new MachineEvent.Launched(Boot, null, null));
        yield return ("Launched, not started", new MachineEvent.Launched(Boot, "refused", null));
        yield return ("LaunchFailed", new MachineEvent.LaunchFailed(Boot, new(VmHostError.ResourceExhausted, "disk full")));
        yield return ("BootFound", new MachineEvent.BootFound(Boot, Qemu, null));
        foreach (var (label, status) in Statuses)
        {
            yield return ($"BootFound, {label}", new MachineEvent.BootFound(Boot, Qemu, status));
            yield return ($"StatusRead, {label}", new MachineEvent.StatusRead(Boot, status));
        }

        foreach (var reason in new[] { ExitReason.PowerOff, ExitReason.Reset, ExitReason.Panic, ExitReason.Killed, ExitReason.StartFailed, ExitReason.ShimLost, ExitReason.HostRebooted })
            yield return ($"BootEnded {reason}", new MachineEvent.BootEnded(Boot, Exit(reason)));

        yield return ("BootEnded of an earlier boot", new MachineEvent.BootEnded(Boot - 1, Exit(ExitReason.Reset)));
        yield return ("BootSilent", new MachineEvent.BootSilent(Boot, "silent"));
        yield return ("ContactLost", new MachineEvent.ContactLost(Boot));
        yield return ("GuestReady", new MachineEvent.GuestReady(Boot));
        yield return ("GuestHalted", new MachineEvent.GuestHalted(Boot));
        yield return ("MonitorChanged", new MachineEvent.MonitorChanged(Boot));
        yield return ("StatusUnread", new MachineEvent.StatusUnread(Boot, "hangs"));
        foreach (var action in Enum.GetValues<ControlAction>())
        {
            yield return ($"ControlDone {action}", new MachineEvent.ControlDone(Boot, action));
            yield return ($"ControlFailed {action}", new MachineEvent.ControlFailed(Boot, action, "refused"));
        }

        yield return ("KillSent", new MachineEvent.KillSent(Boot, ShimAnswers: true));
        yield return ("KillSent, shim silent", new MachineEvent.KillSent(Boot, ShimAnswers: false));
        yield return ("KillFailed", new MachineEvent.KillFailed(Boot, "no proof"));
        yield return ("DigestsComputed", new MachineEvent.DigestsComputed(Boot, [new("/boot/kernel", "0123")]));
    }

    internal static ExitSummary Exit(ExitReason reason) =>
        new()
        {
            Boot = Boot,
            Reason = reason,
            Detail = $"ended by {reason}",
            Expected = reason is ExitReason.PowerOff or ExitReason.Reset or ExitReason.HostRebooted,
            RanFor = TimeSpan.FromMinutes(10),
            EndedAt = Now,
            ConsoleTail = [],
            HypervisorLogTail = [],
        };

    internal static MachineLife Life(MachineRecord record, MachinePhase phase) => new(record.Id, record, phase, []);

    private static PauseCause IoError => new PauseCause.IoError("disk0", "No space left on device");

    private static (string Label, GuestStatus Status)[] Statuses =>
        [("runs", new GuestStatus.Runs()), ("stands still", new GuestStatus.StandsStill()), ("I/O error", new GuestStatus.IoError("disk0", "No space left on device"))];
}
