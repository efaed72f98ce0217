using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using VmHost.Hypervisors;
using VmHost.Machines.Events;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines.Life;

/// <summary>The end of a boot, whatever the machine was doing: reboot, restart policy, or rest.</summary>
internal static class EndRules
{
    // A guest that resets itself before it is of any use, again and again, fails.
    private const int MaxQuickResets = 5;

    private static readonly TimerKind[] BootTimers =
    [
        TimerKind.StartLimit, TimerKind.PressAgain, TimerKind.KillLimit, TimerKind.ExamineAgain, TimerKind.ReadStatusAgain, TimerKind.ResumeSettled,
    ];

    private static readonly TimeSpan QuickReset = TimeSpan.FromSeconds(10);

    /// <summary>The boot of the current phase ended.</summary>
    internal static void Ended(StepBuilder step, ExitSummary found)
    {
        var phase = step.Phase;
        var exit = Interpret(found, phase, step.Record);
        foreach (var timer in BootTimers)
            step.CancelTimer(timer);

        if (step.Record.PreviousSpec is { } previous)
            exit = KeepOrRevert(step, previous, exit);

        if (exit.Reason == ExitReason.Reset && !IsBeingStopped(phase, step.Record) && step.Record.Spec.OnReboot == RebootAction.Restart)
        {
            if (TryReboot(step, ref exit))
                return;
        }

        if (IsToStartAgain(phase, step.Record))
        {
            StartAgain(step, phase, exit);
            return;
        }

        // A stop that came before anything could be asked of the hypervisor is carried out by this end.
        if (phase.Waiting.Any(StopRules.IsStop))
            step.Remember(step.Record with { StoppedByHand = true });

        // No caller of this daemon learns of a failed start.
        if (phase is MachinePhase.Adopting or MachinePhase.Unknown)
            step.Remember(step.Record with { Retry = step.Record.Retry ?? new(0, null) });

        var wasAskedFor = step.Record.Halt is not null;
        step.Do(new MachineEffect.RemoveHalfWritten());
        Rest(step, Decide(step, phase, exit), exit.Expected, exit.Detail, exit);
        if (wasAskedFor)
            step.Publish(HostEventKind.MachineHalting, HaltStep.Reaped, step.Phase.Detail);

        AnswerAtEnd(step, phase.Waiting, phase, exit);
    }

    /// <summary>No boot runs: to <see cref="MachinePhase.Ended"/>, or to Backoff where the decision says so.</summary>
    /// <param name="step">The step.</param>
    /// <param name="decision">Of the restart policy.</param>
    /// <param name="expected">False for a failure.</param>
    /// <param name="why">One sentence.</param>
    /// <param name="exit">Null where no boot ended.</param>
    internal static void Rest(StepBuilder step, RestartDecision decision, bool expected, string why, ExitSummary? exit)
    {
        var (phase, retry) = decision switch
        {
            RestartDecision.Again again => ((MachinePhase)new MachinePhase.Backoff(RestartRules.Describe(again, why)), new RetryRecord(again.Attempt, step.Moment.Now + again.Delay)),
            RestartDecision.GiveUp gaveUp => (new MachinePhase.Ended(Expected: false, RestartRules.Describe(gaveUp, why)), null),
            _ => (new MachinePhase.Ended(expected, why), null),
        };
        step.Become(phase);
        var record = step.Record with
        {
            LastExit = exit ?? step.Record.LastExit,
            PausedBoot = null,
            Halt = null,
            Retry = retry,
            RestDetail = phase.Detail,
            RestExpected = phase is MachinePhase.Ended rest ? rest.Expected : null,
            RebootPending = false,
        };
        if (record.Boot is not null)
            step.Save(record);
        else
            step.Remember(record);   // nothing of the machine is on disk, and its first start writes all of it

        step.Do(new MachineEffect.ReleaseClaims());
        step.Do(new MachineEffect.SetConsoleLive(phase is MachinePhase.Backoff));   // followers of the console wait for the next boot
        if (decision is RestartDecision.Again { Delay: var delay })
            step.SetTimer(TimerKind.Restart, delay);
    }

    // A spec that the hypervisor never ran a guest with is not taken.
    private static ExitSummary KeepOrRevert(StepBuilder step, MachineSpec previous, ExitSummary exit)
    {
        var failed = exit.Reason == ExitReason.StartFailed;
        step.Remember(failed
            ? step.Record with { Spec = previous, PreviousSpec = null, PendingSpec = step.Record.PendingSpec ?? step.Record.Spec, PendingProblem = exit.Detail, Revision = step.Record.Revision + 1 }
            : step.Record with { PreviousSpec = null });
        return failed ? exit with { Detail = $"{exit.Detail}; {StartRules.NotTaken(step)}" } : exit;
    }

    // What an earlier daemon was asked for is in the record alone.
    private static bool IsToStartAgain(MachinePhase phase, MachineRecord record) =>
        phase is MachinePhase.Adopting or MachinePhase.Unknown ? record.Halt is { ThenStart: true } : phase.Waiting.Any(static waiter => waiter.ThenStart);

    private static void StartAgain(StepBuilder step, MachinePhase phase, ExitSummary exit)
    {
        step.Do(new MachineEffect.RemoveHalfWritten());
        step.Publish(HostEventKind.MachineHalting, HaltStep.Reaped, exit.Detail);

        // On record before it is reported, as for a reboot: the next daemon completes it.
        step.Save(step.Record with { LastExit = exit, PausedBoot = null, Halt = null, StoppedByHand = false, RebootPending = true });
        var starts = phase.Waiting.Where(static waiter => waiter.ThenStart).ToImmutableArray();
        foreach (var waiter in starts)
            step.CancelTimer(TimerKind.HaltDeadline, waiter.Id);

        AnswerAtEnd(step, phase.Waiting.Except(starts), phase, exit);
        StartRules.BeginAgain(step, starts);
    }

    private static RestartDecision Decide(StepBuilder step, MachinePhase phase, ExitSummary exit)
    {
        // Found so late that the start with the host is over.
        if (exit.Reason == ExitReason.HostRebooted && phase is MachinePhase.Unknown { Waiters.IsEmpty: true } && RestartRules.StartsWithHost(step.Record))
        {
            step.Remember(step.Record with { StoppedByHand = false });
            return new RestartDecision.Again(1, RestartRules.Delay(1, step.Moment.Jitter));
        }

        return RestartRules.AfterEnd(step.Record, exit, step.Moment.Jitter);
    }

    private static ExitSummary Interpret(ExitSummary found, MachinePhase phase, MachineRecord record)
    {
        if (phase is MachinePhase.Connecting { Error: { } error })
            return found with { Reason = ExitReason.StartFailed, Detail = error, Expected = false };

        if (found.Reason is not (ExitReason.Killed or ExitReason.ShimLost))
            return found;

        return (phase, found.Reason) switch
        {
            (MachinePhase.Stopping { Cause: StopCause.StartTimedOut }, _) =>
                found with { Reason = ExitReason.StartFailed, Expected = false, Detail = "the hypervisor hung: it neither answered nor did the guest write anything in 60 s, and it was killed" },
            (MachinePhase.Stopping { Cause: StopCause.GuestHalted }, ExitReason.Killed) =>
                found with { Reason = ExitReason.Halt, Expected = true, Detail = "the guest halted its processors, with interrupts off, and QEMU was ended" },
            (MachinePhase.Stopping { Progress.ShimSilent: true }, _) =>
                found with { Reason = ExitReason.Killed, Expected = true, Detail = "the hypervisor was killed, and with it its shim, which did not answer" },
            _ when !WasKilledByRequest(phase, record) => found,
            (_, ExitReason.ShimLost) =>
                found with { Reason = ExitReason.Killed, Expected = true, Detail = "the hypervisor was killed; its shim did not live to collect it" },
            _ => found with { Expected = true },
        };
    }

    // An earlier daemon may have sent the signal and not have lived to see its effect.
    private static bool WasKilledByRequest(MachinePhase phase, MachineRecord record) =>
        phase switch
        {
            MachinePhase.Stopping stopping => stopping.Progress.Killing,
            MachinePhase.Adopting or MachinePhase.Unknown => record.StoppedByHand,
            _ => false,
        };

    private static bool IsBeingStopped(MachinePhase phase, MachineRecord record) =>
        record.StoppedByHand || record.Halt is not null || phase.Waiting.Any(StopRules.IsStop) || phase switch
        {
            MachinePhase.Stopping { Cause: StopCause.Request } or MachinePhase.Unknown { EndedBy: StopCause.Request } => true,
            _ => false,
        };

    // Returns false for a reset loop, with the exit that says so.
    private static bool TryReboot(StepBuilder step, ref ExitSummary exit)
    {
        var quick = exit.RanFor < QuickReset ? step.Record.QuickResets + 1 : 0;
        if (quick >= MaxQuickResets)
        {
            exit = exit with
            {
                Expected = false,
                Detail = string.Create(CultureInfo.InvariantCulture, $"a reset loop: the guest reset itself {quick} times in a row, each within {QuickReset.TotalSeconds:0} s of its boot"),
            };
            return false;
        }

        AnswerAtEnd(step, step.Phase.Waiting, step.Phase, exit);

        // On record before it is reported: the next daemon neither reports this end again nor forgets what is to follow.
        step.Save(step.Record with { LastExit = exit, QuickResets = quick, PausedBoot = null, RebootPending = true });
        StartRules.Begin(step, from: null, StartCause.Reboot, request: 0);
        return true;
    }

    private static void AnswerAtEnd(StepBuilder step, IEnumerable<Waiter> waiters, MachinePhase phase, ExitSummary exit)
    {
        var warnings = phase switch
        {
            MachinePhase.Connecting connecting => connecting.Start.Warnings,
            MachinePhase.Confirming confirming => confirming.Start.Warnings,
            _ => ImmutableArray<string>.Empty,
        };
        foreach (var waiter in waiters)
        {
            if (waiter.Kind is WaiterKind.HaltOnly or WaiterKind.HaltThenKill)
                step.CancelTimer(TimerKind.HaltDeadline, waiter.Id);

            step.Answer(waiter.Id, waiter.Kind switch
            {
                WaiterKind.Start when exit.Reason == ExitReason.StartFailed => new Outcome.Refused(NotStarted(step, exit)),
                WaiterKind.Start => new Outcome.Done(Changed: true) { Warnings = warnings },
                WaiterKind.HaltOnly or WaiterKind.HaltThenKill or WaiterKind.Kill =>
                    new Outcome.Done(Changed: true) { Killed = exit.Reason == ExitReason.Killed && phase is MachinePhase.Stopping { Progress.IsGraceOver: true } },
                _ => new Outcome.Refused(new(VmHostError.FailedPrecondition, $"machine {step.Name} {(exit.Reason == ExitReason.Reset ? "rebooted" : "ended")} meanwhile: {exit.Detail}") { Reason = ErrorReason.MachineNotRunning }),
            });
        }
    }

    private static Refusal NotStarted(StepBuilder step, ExitSummary exit)
    {
        var said = Encoding.UTF8.GetString(exit.HypervisorLogTail).Trim();
        return new(VmHostError.HypervisorFailed, $"machine {step.Name} did not start: {exit.Detail}{(said.Length > 0 ? $"; the hypervisor said: {said}" : "")}");
    }
}
