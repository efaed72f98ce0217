using System.Collections.Immutable;
using System.Globalization;
using VmHost.Machines.Events;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines.Life;

/// <summary>
/// Ends a boot step by step: press the power button, press it again while nothing happens, type a line on the console if
/// the caller gave one, kill. Each step is tried whatever became of the one before.
/// </summary>
internal static class StopRules
{
    internal const string GuestHaltedDetail = "the guest halted its processors; QEMU, which would stay, is ended";

    // By then a guest that knows the button has seen it.
    private const int PressesBeforeLine = 2;

    // A guest that has not loaded its button driver yet does not see a press, and does not report that.
    private static readonly TimeSpan PressAgain = TimeSpan.FromSeconds(2);

    // From SIGKILL to the shim's last frame: the kernel frees the guest's memory, the shim writes the record.
    internal static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(30);

    internal static void Stopping(StepBuilder step, MachinePhase.Stopping phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.Request asked:
                Requested(step, phase, asked);
                break;
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.PressAgain } when phase.Progress is { Killing: false, IsPressing: true }:
                step.SetTimer(TimerKind.PressAgain, PressAgain);
                step.Become(phase with { Progress = phase.Progress with { Detail = $"no answer to the power button; perhaps its shim (process {phase.Boot.ShimPid}) hangs" } });
                PressOver(step);   // a press that hangs keeps no kill waiting
                break;
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.PressAgain } when !phase.Progress.Killing:
                Press(step, phase);
                break;
            case MachineEvent.TimerDue { Timer: { Kind: TimerKind.HaltDeadline } timer }:
                GraceOver(step, phase, timer.Request);
                break;
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.KillLimit }:
                NotGone(step, phase);
                break;
            case MachineEvent.ControlDone done:
                ControlDone(step, phase, done.Action);
                if (done.Action == ControlAction.PressPowerButton)
                    PressOver(step);
                break;
            case MachineEvent.ControlFailed failed:
                ControlFailed(step, phase, failed);
                if (failed.Action == ControlAction.PressPowerButton)
                    PressOver(step);
                break;
            case MachineEvent.KillSent { ShimAnswers: false } when !phase.Progress.ShimSilent:
                step.Become(phase with { Progress = phase.Progress with { ShimSilent = true, Detail = $"its shim (process {phase.Boot.ShimPid}) does not answer and is killed too" } });
                step.Do(new MachineEffect.KillBoth(step.Record.Boot!));
                break;
            case MachineEvent.KillFailed failed:
                step.Become(phase with { Progress = phase.Progress with { Detail = failed.Problem } });
                break;
            case MachineEvent.GuestHalted when !phase.Progress.Killing:
                step.CancelTimer(TimerKind.PressAgain);
                BeginKill(step, phase.Boot, StopCause.GuestHalted, phase.Waiters, GuestHaltedDetail);
                break;
            case MachineEvent.ContactLost:
                step.Do(new MachineEffect.Examine(step.Record.Boot!, AskGuest: false));
                break;
            case MachineEvent.BootFound found:
                step.Become(phase with { Boot = found.Live });
                step.Do(new MachineEffect.WatchGuest(found.Live));
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    /// <summary>Begins to halt the guest.</summary>
    /// <param name="step">The step.</param>
    /// <param name="boot">The boot.</param>
    /// <param name="start">The start that did not get so far; null for none.</param>
    /// <param name="request">The request.</param>
    /// <param name="resumeFirst">A guest whose processors stand still sees no power button.</param>
    internal static void Halt(StepBuilder step, LiveBoot boot, PendingStart? start, MachineEvent.HaltRequested request, bool resumeFirst)
    {
        step.SetTimer(TimerKind.HaltDeadline, request.Options.Grace, request.Id);
        Begin(step, boot, WaitersOf(start).Add(WaiterOf(request)), Merge(null, request, step.Moment.Now), resumeFirst, start);
    }

    /// <summary>Begins to kill the hypervisor on request.</summary>
    internal static void Kill(StepBuilder step, LiveBoot boot, PendingStart? start, long request) =>
        Begin(step, boot, WaitersOf(start).Add(new(request, WaiterKind.Kill)), new(Kill: true, step.Moment.Now, null), resumeFirst: false, start);

    /// <summary>Carries out a halt or kill whose timers run already.</summary>
    internal static void Begin(StepBuilder step, LiveBoot boot, ImmutableArray<Waiter> waiters, PendingStop stop, bool resumeFirst, PendingStart? start = null)
    {
        var phase = new MachinePhase.Stopping(boot, StopCause.Request, waiters, new(Line: stop.Line) { IsGraceOver = stop.IsGraceOver }, start);
        step.Become(phase);
        if (stop.Kill)
        {
            Kill(step, phase);
            return;
        }

        SaveIntent(step, phase, stop.Deadline);
        if (resumeFirst)
            step.Do(new MachineEffect.Control(boot, ControlAction.Resume));
        Press(step, phase);
    }

    /// <summary>Kills the hypervisor for a reason of VmHost's own.</summary>
    internal static void BeginKill(StepBuilder step, LiveBoot boot, StopCause cause, ImmutableArray<Waiter> waiters, string detail)
    {
        step.Become(new MachinePhase.Stopping(boot, cause, waiters, new(detail, Killing: true)));
        SendKill(step);
    }

    private static ImmutableArray<Waiter> WaitersOf(PendingStart? start) => start?.Waiters ?? [];

    /// <summary>What a halt waits for.</summary>
    internal static Waiter WaiterOf(MachineEvent.HaltRequested halt) =>
        new(halt.Id, halt.Options.KillAfterwards ? WaiterKind.HaltThenKill : WaiterKind.HaltOnly);

    /// <summary>Whether a request wants the boot to end.</summary>
    internal static bool IsStop(Waiter waiter) => waiter.Kind is WaiterKind.HaltOnly or WaiterKind.HaltThenKill or WaiterKind.Kill;

    /// <summary>A halt together with what was asked for before.</summary>
    internal static PendingStop Merge(PendingStop? stop, MachineEvent.HaltRequested halt, DateTimeOffset now)
    {
        var deadline = now + halt.Options.Grace;
        return stop is null
            ? new(Kill: false, deadline, halt.Options.ConsoleLine)
            : stop with { Deadline = deadline < stop.Deadline ? deadline : stop.Deadline, Line = stop.Line ?? halt.Options.ConsoleLine };
    }

    /// <summary>The answer to a halt whose grace time is over and that is not to kill.</summary>
    internal static Refusal Overdue(StepBuilder step, string? problem) =>
        new(VmHostError.DeadlineExceeded, $"machine {step.Name} did not power off within the grace time and still runs{(problem is null ? "" : $" ({problem})")}; end it with: vmctl kill {step.Name}");

    internal static Refusal BeingStopped(StepBuilder step) =>
        new(VmHostError.FailedPrecondition, $"machine {step.Name} is being stopped; wait for it (vmctl wait {step.Name}) and start it then");

    private static void Requested(StepBuilder step, MachinePhase.Stopping phase, MachineEvent.Request asked)
    {
        switch (asked)
        {
            case MachineEvent.HaltRequested request:
                Join(step, phase, request);
                break;
            case MachineEvent.KillRequested request:
                Kill(step, phase with { Waiters = phase.Waiters.Add(new(request.Id, WaiterKind.Kill)) });
                break;
            case MachineEvent.DeleteRequested:
                step.Refuse(asked.Id, RestRules.InUse(step));
                break;
            default:
                step.Refuse(asked.Id, BeingStopped(step));
                break;
        }
    }

    private static void Join(StepBuilder step, MachinePhase.Stopping phase, MachineEvent.HaltRequested request)
    {
        step.SetTimer(TimerKind.HaltDeadline, request.Options.Grace, request.Id);
        var joined = phase with
        {
            Waiters = phase.Waiters.Add(WaiterOf(request)),
            Progress = phase.Progress with { Line = phase.Progress.Line ?? request.Options.ConsoleLine },
        };
        step.Become(joined);
        SaveIntent(step, joined, step.Moment.Now + request.Options.Grace);
    }

    private static void Press(StepBuilder step, MachinePhase.Stopping phase)
    {
        var presses = phase.Progress.Presses + 1;
        var line = presses >= PressesBeforeLine ? phase.Progress.Line : null;
        step.Become(phase with { Progress = phase.Progress with { Presses = presses, IsPressing = true, Line = line is null ? phase.Progress.Line : null } });
        step.Do(new MachineEffect.Control(phase.Boot, ControlAction.PressPowerButton));
        if (line is not null)
            step.Do(new MachineEffect.Control(phase.Boot, ControlAction.TypeLine, line));

        step.SetTimer(TimerKind.PressAgain, PressAgain);
    }

    private static void GraceOver(StepBuilder step, MachinePhase.Stopping phase, long request)
    {
        if (phase.Waiters.FirstOrDefault(waiter => waiter.Id == request && IsStop(waiter)) is not { } waiter)
            return;

        if (phase.Progress.IsPressing)
        {
            step.Become(phase with { Progress = phase.Progress with { Overdue = phase.Progress.Overdue.Add(request) } });
            return;
        }

        if (waiter.Kind == WaiterKind.HaltThenKill)
        {
            if (!phase.Progress.Killing)
            {
                step.Publish(HostEventKind.MachineHalting, HaltStep.Killed, "killed, as it still ran at the end of the grace time");
                Kill(step, phase with { Progress = phase.Progress with { IsGraceOver = true } });
            }

            return;
        }

        step.Refuse(request, Overdue(step, phase.Progress.Detail));
        var left = phase with { Waiters = phase.Waiters.Remove(waiter) };
        step.Become(left);
        if (!phase.Progress.Killing && !left.Waiters.Any(IsStop))
            GiveUp(step, left);
    }

    private static void GiveUp(StepBuilder step, MachinePhase.Stopping phase)
    {
        step.CancelTimer(TimerKind.PressAgain);
        step.Publish(HostEventKind.MachineHalting, HaltStep.GivenUp);
        step.Save(step.Record with { StoppedByHand = false, Halt = null });
        if (phase.Start is { } start)
        {
            StartRules.Confirm(step, phase.Boot, start with { Waiters = phase.Waiters, Stop = null });
            return;
        }

        // A pause is forgotten when the guest was resumed, which it may not have been.
        step.Become(step.Record.PausedBoot == phase.Boot.Number
            ? new MachinePhase.Paused(phase.Boot, new PauseCause.Requested(), [])
            : new MachinePhase.Running(phase.Boot, []));
        RunRules.ReadStatus(step, phase.Boot);
    }

    private static void Kill(StepBuilder step, MachinePhase.Stopping phase)
    {
        step.Become(phase with { Progress = phase.Progress with { Killing = true } });
        step.CancelTimer(TimerKind.PressAgain);
        SaveIntent(step, phase, step.Moment.Now, kill: true);
        SendKill(step);
    }

    private static void SendKill(StepBuilder step)
    {
        step.Do(new MachineEffect.Kill(step.Record.Boot!));
        step.SetTimer(TimerKind.KillLimit, KillLimit);
    }

    // The next daemon is to complete it, should this one not live to see the end.
    private static void SaveIntent(StepBuilder step, MachinePhase.Stopping phase, DateTimeOffset deadline, bool kill = false)
    {
        var old = step.Record.Halt is { } halt && halt.Boot == phase.Boot.Number ? halt : null;
        var intent = new HaltIntent(
            phase.Boot.Number,
            old is not null && old.Deadline < deadline && old.KillAfterwards ? old.Deadline : deadline,
            kill || phase.Waiters.Any(static waiter => waiter.Kind is WaiterKind.HaltThenKill or WaiterKind.Kill) || old is { KillAfterwards: true },
            phase.Progress.Line);
        if (intent != old || !step.Record.StoppedByHand)
            step.Save(step.Record with { StoppedByHand = true, Halt = intent });
    }

    private static void ControlDone(StepBuilder step, MachinePhase.Stopping phase, ControlAction action)
    {
        if (action is ControlAction.Resume or ControlAction.Pause)
        {
            if (action == ControlAction.Resume)
                RunRules.ForgetPause(step);
            return;
        }

        var (halt, detail) = action == ControlAction.TypeLine
            ? (HaltStep.LineTyped, "the line for guests without a power button was typed on the console")
            : (HaltStep.ButtonPressed, string.Create(CultureInfo.InvariantCulture, $"power button pressed ({phase.Progress.Presses})"));
        Report(step, phase, halt, detail);
    }

    private static void ControlFailed(StepBuilder step, MachinePhase.Stopping phase, MachineEvent.ControlFailed failed)
    {
        if (failed.Action == ControlAction.Pause)
            RunRules.ForgetPause(step);

        var detail = failed.Action switch
        {
            ControlAction.PressPowerButton => string.Create(CultureInfo.InvariantCulture, $"power button could not be pressed ({phase.Progress.Presses}): {failed.Problem}"),
            ControlAction.TypeLine => $"the line for guests without a power button could not be typed: {failed.Problem}",
            ControlAction.Resume => $"the guest could not be resumed, and a paused guest sees no power button: {failed.Problem}",
            _ => null,
        };
        if (detail is not null)
            Report(step, phase, HaltStep.ButtonFailed, detail);
    }

    private static void Report(StepBuilder step, MachinePhase.Stopping phase, HaltStep halt, string detail)
    {
        step.Become(phase with { Progress = phase.Progress with { Detail = detail } });
        step.Publish(HostEventKind.MachineHalting, halt, detail);
    }

    private static void PressOver(StepBuilder step)
    {
        if (step.Phase is not MachinePhase.Stopping phase)
            return;

        var overdue = phase.Progress.Overdue;
        step.Become(phase with { Progress = phase.Progress with { IsPressing = false, Overdue = [] } });
        foreach (var request in overdue)
        {
            if (step.Phase is MachinePhase.Stopping stopping)
                GraceOver(step, stopping, request);
        }
    }

    // The machine stays as it is: perhaps the kernel lets go of it later.
    private static void NotGone(StepBuilder step, MachinePhase.Stopping phase)
    {
        var problem = phase.Progress.ShimSilent
            ? $"the shim of machine {step.Name} (process {phase.Boot.ShimPid}) does not answer; it and hypervisor {phase.Boot.HypervisorPid} were sent SIGKILL, and still hold the machine's lock"
            : $"hypervisor {phase.Boot.HypervisorPid} of machine {step.Name} was sent SIGKILL and is still there; the kernel does not let go of it (look at its state in ps)";
        step.RefuseAll(phase.Waiters, VmHostError.Internal, problem);
        step.Become(phase with { Waiters = [], Progress = phase.Progress with { Detail = problem } });

        // The signal may not have been sent at all, and nothing else would end the machine.
        step.Do(phase.Progress.ShimSilent ? new MachineEffect.KillBoth(step.Record.Boot!) : new MachineEffect.Kill(step.Record.Boot!));
        step.SetTimer(TimerKind.KillLimit, KillLimit);
    }
}
