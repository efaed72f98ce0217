using System.Globalization;
using VmHost.Machines.Events;
using VmHost.Specs;
using VmHost.Supervision;

namespace VmHost.Machines.Life;

/// <summary>A boot that is to end and whose hypervisor still runs. Each step is tried, whatever the one before came to.</summary>
internal static class StoppingRules
{
    internal static void Stopping(StepBuilder step, MachinePhase.Stopping phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.Request asked:
                Requested(step, phase, asked);
                break;
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.PressAgain } when phase.Progress is { Killing: false, IsPressing: true }:
                step.SetTimer(TimerKind.PressAgain, StopRules.PressAgain);
                step.Become(phase with { Progress = phase.Progress with { Detail = $"no answer to the power button; perhaps its shim (process {phase.Boot.ShimPid}) hangs" } });
                PressOver(step);   // a press that hangs keeps no kill waiting
                break;
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.PressAgain } when !phase.Progress.Killing:
                StopRules.Press(step, phase);
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
                step.Become(phase with { Cause = StopCause.GuestHalted, Progress = phase.Progress with { Detail = StopRules.GuestHaltedDetail, Killing = true } });
                StopRules.SendKill(step);
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

    private static void Requested(StepBuilder step, MachinePhase.Stopping phase, MachineEvent.Request asked)
    {
        switch (asked)
        {
            case MachineEvent.HaltRequested request:
                Join(step, phase, StopRules.WaiterOf(request), request.Options);
                break;
            case MachineEvent.RestartRequested request:
                Join(step, phase, StopRules.WaiterOf(new(request.Id, request.Options)) with { ThenStart = true }, request.Options);
                break;
            case MachineEvent.KillRequested request:
                StopRules.Kill(step, phase with { Waiters = StopRules.Join(step, phase.Waiters, new(request.Id, WaiterKind.Kill)) });
                break;
            case MachineEvent.ResetRequested request:
                StopRules.Kill(step, phase with { Waiters = StopRules.Join(step, phase.Waiters, new(request.Id, WaiterKind.Kill, ThenStart: true)) });
                break;
            case MachineEvent.DeleteRequested:
                step.Refuse(asked.Id, RestRules.InUse(step));
                break;
            default:
                step.Refuse(asked.Id, StopRules.BeingStopped(step));
                break;
        }
    }

    private static void Join(StepBuilder step, MachinePhase.Stopping phase, Waiter waiter, HaltOptions options)
    {
        step.SetTimer(TimerKind.HaltDeadline, options.Grace, waiter.Id);
        var joined = phase with
        {
            Waiters = StopRules.Join(step, phase.Waiters, waiter),
            Progress = phase.Progress with { Line = phase.Progress.Line ?? options.ConsoleLine },
        };
        step.Become(joined);
        StopRules.SaveIntent(step, joined, step.Moment.Now + options.Grace);
    }

    private static void GraceOver(StepBuilder step, MachinePhase.Stopping phase, long request)
    {
        if (phase.Waiters.FirstOrDefault(waiter => waiter.Id == request && StopRules.IsStop(waiter)) is not { } waiter)
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
                StopRules.Kill(step, phase with { Progress = phase.Progress with { IsGraceOver = true } });
            }

            return;
        }

        step.Refuse(request, StopRules.Overdue(step, phase.Progress.Detail));
        var left = phase with { Waiters = phase.Waiters.Remove(waiter) };
        step.Become(left);
        if (!phase.Progress.Killing && !left.Waiters.Any(StopRules.IsStop))
            GiveUp(step, left);
        else if (waiter.ThenStart)
            ForgetStart(step, left);
    }

    // Its caller was told that the machine is not started again.
    private static void ForgetStart(StepBuilder step, MachinePhase.Stopping phase)
    {
        if (step.Record.Halt is { ThenStart: true } intent && !phase.Waiters.Any(static waiter => waiter.ThenStart))
            step.Save(step.Record with { Halt = intent with { ThenStart = false } });
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
        var left = phase with { Waiters = [], Progress = phase.Progress with { Detail = problem } };
        step.Become(left);
        ForgetStart(step, left);

        // The signal may not have been sent at all, and nothing else would end the machine.
        step.Do(phase.Progress.ShimSilent ? new MachineEffect.KillBoth(step.Record.Boot!) : new MachineEffect.Kill(step.Record.Boot!));
        step.SetTimer(TimerKind.KillLimit, StopRules.KillLimit);
    }
}
