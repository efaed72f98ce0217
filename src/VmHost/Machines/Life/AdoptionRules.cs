using System.Collections.Immutable;
using VmHost.Hypervisors;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines.Life;

/// <summary>
/// Finds out what a machine does that this daemon does not know of: at the daemon's start, when a silent shim answers again,
/// and after a failure. The one way in which a machine's state is taken from the record and the world.
/// </summary>
internal static class AdoptionRules
{
    private static readonly TimeSpan LongestGrace = TimeSpan.FromHours(1);

    internal static void Adopting(StepBuilder step, MachinePhase.Adopting phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.DaemonStarted:
                Begin(step);
                break;
            case MachineEvent.Request request:
                step.Become(phase with { Held = phase.Held.Add(request) });
                break;
            case MachineEvent.BootFound found:
                Found(step, found);
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    internal static void Unknown(StepBuilder step, MachinePhase.Unknown phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.ExamineAgain }:
                step.Become(phase with { ResultsCount = true });
                Begin(step);
                if (step.Phase is not MachinePhase.Unknown)
                    AnswerKills(step, phase);
                break;
            case MachineEvent.BootFound found when phase.ResultsCount:
                Found(step, found);
                RunRules.ReadStatus(step, found.Live);   // what the monitor reported since the examination began was ignored
                break;
            case MachineEvent.BootFound:
                break;   // the next examination is due
            case MachineEvent.BootSilent silent:
                // Kills wait on: the examination may have begun before the signal, and the kernel may still be freeing memory.
                step.Become(phase with { Reason = silent.Reason });
                step.SetTimer(TimerKind.ExamineAgain, CommonRules.ExamineAgain);
                break;
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.KillLimit }:
                RefuseKills(step, phase, NoProof(step, phase.Reason));
                step.Become(phase with { Waiters = [] });
                break;
            case MachineEvent.KillRequested request when step.Record.Boot is { } boot:
                step.Become(phase with { Waiters = phase.Waiters.Add(new(request.Id, WaiterKind.Kill)) });
                step.Save(step.Record with { StoppedByHand = true, Halt = new(boot.Number, step.Moment.Now, KillAfterwards: true, null) });
                step.Do(new MachineEffect.KillBoth(boot));
                break;
            case MachineEvent.KillSent:
                step.SetTimer(TimerKind.KillLimit, StopRules.KillLimit);
                step.Do(new MachineEffect.Examine(step.Record.Boot!, AskGuest: false));
                break;
            case MachineEvent.ContactLost:
                step.Do(new MachineEffect.Examine(step.Record.Boot!, AskGuest: false));
                break;
            case MachineEvent.KillFailed failed:
                step.Save(step.Record with { StoppedByHand = false, Halt = null });
                RefuseKills(step, phase, failed.Problem);
                step.Become(phase with { Waiters = [] });
                break;
            case MachineEvent.DeleteRequested { EvenUnknown: true } request:
                step.CancelTimer(TimerKind.ExamineAgain);
                RefuseKills(step, phase, $"machine {step.Name} is being deleted");
                step.Become(phase with { Waiters = [] });
                RestRules.BeginDeletion(step, request);
                break;
            case MachineEvent.Request request:
                step.Refuse(request.Id, CommonRules.UnknownState(step));
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    /// <summary>The shim of the machine's boot answers: what the boot does is taken from the record and from its hypervisor.</summary>
    internal static void Found(StepBuilder step, MachineEvent.BootFound found)
    {
        var waiters = step.Phase.Waiting;
        step.Do(new MachineEffect.WatchGuest(found.Live));
        step.CancelTimer(TimerKind.ExamineAgain);
        if (step.Record.Halt is { } intent && intent.Boot == found.Boot)
        {
            CompleteHalt(step, found, intent, waiters);
            return;
        }

        var pausedByRequest = step.Record.PausedBoot == found.Boot;
        var known = step.Phase is MachinePhase.Paused paused ? paused.Cause : null;   // a monitor that is not asked yet changes nothing
        var cause = found.Status is { } status ? PauseRules.CauseOf(status) : known ?? (pausedByRequest ? new PauseCause.External() : null);
        if (cause is not null)
            step.Become(new MachinePhase.Paused(found.Live, pausedByRequest && cause is PauseCause.External ? new PauseCause.Requested() : cause, []));
        else if (step.Phase.Unconfirmed is { } start)
            StartRules.Confirm(step, found.Live, start);
        else
            step.Become(new MachinePhase.Running(found.Live, []));

        // It runs, so its last end was not asked for; and what was to be paused is not.
        var record = step.Record with { StoppedByHand = false, Halt = null, PausedBoot = cause is null ? null : step.Record.PausedBoot };
        if (record != step.Record)
            step.Save(record);
        if (found.Status is null && found.Live.Control == ControlChannel.Qmp)
            step.SetTimer(TimerKind.ReadStatusAgain, CommonRules.ExamineAgain);
    }

    /// <summary>A process of the boot may live and its shim cannot be reached. Nothing is signalled: that it is dead is not proved.</summary>
    internal static void LoseContact(StepBuilder step, string reason)
    {
        var phase = step.Phase;
        foreach (var waiter in phase.Waiting.Where(StopRules.IsStop))
            step.CancelTimer(TimerKind.HaltDeadline, waiter.Id);

        step.CancelTimer(TimerKind.PressAgain);
        step.CancelTimer(TimerKind.KillLimit);
        step.CancelTimer(TimerKind.StartLimit);
        step.Become(UnknownAfter(phase, reason));
        foreach (var waiter in phase.Waiting)
            step.Refuse(waiter.Id, CommonRules.UnknownState(step));

        step.SetTimer(TimerKind.ExamineAgain, CommonRules.ExamineAgain);
    }

    /// <summary>What is kept of a phase, so that contact regained restores it.</summary>
    internal static MachinePhase.Unknown UnknownAfter(MachinePhase phase, string reason)
    {
        var endedBy = phase switch
        {
            MachinePhase.Stopping stopping => stopping.Cause,
            MachinePhase.Unknown unknown => unknown.EndedBy,
            _ => (StopCause?)null,
        };
        var start = phase.Unconfirmed is { } unconfirmed ? unconfirmed with { Waiters = [], Stop = null } : null;
        return new(reason, phase.Live, endedBy, [], start);
    }

    private static void Begin(StepBuilder step)
    {
        if (step.Record.Boot is not { } boot)
        {
            step.Become(new MachinePhase.Created());
            step.Do(new MachineEffect.ReleaseClaims());
            step.Do(new MachineEffect.SetConsoleLive(false));
        }
        else if (step.Record.LastExit is { } exit && exit.Boot == boot.Number)
        {
            Restore(step, exit);
        }
        else
        {
            // Whatever the machine turns out to do, no other gets its disks before that is known.
            step.Do(new MachineEffect.ClaimUnasked());
            step.Do(new MachineEffect.Examine(boot, AskGuest: true));
        }
    }

    // How the last boot ended is on record; perhaps the restart policy has not done with it.
    private static void Restore(StepBuilder step, ExitSummary exit)
    {
        var why = step.Record.RestDetail ?? exit.Detail;
        if (step.Record.Halt is { ThenStart: true })
        {
            step.Remember(step.Record with { Halt = null, StoppedByHand = false });
            StartRules.Begin(step, from: null, StartCause.Reboot, request: 0);
            return;
        }

        if (step.Record.Halt is not null)
        {
            // Asked for while it was not known that nothing ran: it is carried out by not starting the machine again.
            EndRules.Rest(step, new RestartDecision.Stay(), step.Record.RestExpected ?? exit.Expected, why, exit: null);
            return;
        }

        step.Do(new MachineEffect.ReleaseClaims());
        if (step.Record.RebootPending)
        {
            StartRules.Begin(step, from: null, StartCause.Reboot, request: 0);
            return;
        }

        if (step.Record.Retry is not { NextAt: { } due } retry)
        {
            step.Become(new MachinePhase.Ended(step.Record.RestExpected ?? exit.Expected, why));
            step.Do(new MachineEffect.SetConsoleLive(false));
            return;
        }

        // The clock may have been set meanwhile: the wait is never longer than it was announced at most.
        var left = due - step.Moment.Now;
        var delay = left < TimeSpan.Zero ? TimeSpan.Zero : left;
        if (delay > RestartRules.LongestDelay)
        {
            delay = RestartRules.LongestDelay;
            step.Remember(step.Record with { Retry = retry with { NextAt = step.Moment.Now + delay } });
        }

        step.Become(new MachinePhase.Backoff(why));
        step.Do(new MachineEffect.SetConsoleLive(true));
        step.SetTimer(TimerKind.Restart, delay);
    }

    // Its caller is gone with the daemon that accepted it; the promise is not.
    private static void CompleteHalt(StepBuilder step, MachineEvent.BootFound found, HaltIntent intent, ImmutableArray<Waiter> waiters)
    {
        var left = intent.Deadline - step.Moment.Now;
        var grace = left < TimeSpan.Zero ? TimeSpan.Zero : left > LongestGrace ? LongestGrace : left;
        if (waiters.IsEmpty)
            waiters = [new(0, intent.KillAfterwards ? WaiterKind.HaltThenKill : WaiterKind.HaltOnly, intent.ThenStart)];

        var killNow = intent.KillAfterwards && grace == TimeSpan.Zero;
        StopRules.Begin(
            step,
            found.Live,
            waiters,
            new(killNow, step.Moment.Now + grace, intent.ConsoleLine),
            resumeFirst: step.Record.PausedBoot == found.Boot || (found.Status is { } status && PauseRules.CauseOf(status) is not null),
            step.Phase.Unconfirmed);
        if (!killNow)
            step.SetTimer(TimerKind.HaltDeadline, grace);
    }

    // No process of the machine lived.
    private static void AnswerKills(StepBuilder step, MachinePhase.Unknown phase)
    {
        foreach (var waiter in phase.Waiters)
            step.Answer(waiter.Id, changed: false);
    }

    private static void RefuseKills(StepBuilder step, MachinePhase.Unknown phase, string problem) =>
        step.RefuseAll(phase.Waiters, VmHostError.FailedPrecondition, problem);

    private static string NoProof(StepBuilder step, string reason) =>
        $"what was proved to be machine {step.Name}'s was sent SIGKILL, and its lock is still held ({reason})";
}
