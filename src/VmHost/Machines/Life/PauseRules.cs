using VmHost.Hypervisors;
using VmHost.Specs;

namespace VmHost.Machines.Life;

/// <summary>A guest whose processors stand still, for any reason, and the way out of that.</summary>
internal static class PauseRules
{
    // QEMU repeats the failed access at once, and stops again in milliseconds.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    internal static void Paused(StepBuilder step, MachinePhase.Paused phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.Request asked:
                Requested(step, phase, asked);
                break;
            case MachineEvent.ControlDone { Action: ControlAction.Resume } when phase.Cause is PauseCause.IoError:
                step.Become(phase with { Retry = ResumeRetry.Settling });
                step.SetTimer(TimerKind.ResumeSettled, Settling);
                break;
            case MachineEvent.ControlDone { Action: ControlAction.Resume }:
                Resumed(step, phase);
                break;
            case MachineEvent.ControlFailed { Action: ControlAction.Resume } failed:
                step.Become(phase with { ResumedBy = [], Retry = ResumeRetry.None });
                step.RefuseAll(phase.ResumedBy, VmHostError.HypervisorFailed, $"the hypervisor of machine {step.Name} did not resume it: {failed.Problem}");
                RunRules.ReadStatus(step, phase.Boot);   // it may have done so after all
                break;
            case MachineEvent.ControlFailed { Action: ControlAction.Pause }:
                // Of a pause that a halt cut off, and the halt was given up.
                if (phase.Boot.Control == ControlChannel.Qmp)
                    RunRules.ReadStatus(step, phase.Boot);
                else
                    Resumed(step, phase);
                break;
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.ResumeSettled } when phase.Retry == ResumeRetry.Settling:
                step.Become(phase with { Retry = ResumeRetry.Settled });
                RunRules.ReadStatus(step, phase.Boot);
                break;
            case MachineEvent.MonitorChanged or MachineEvent.TimerDue { Timer.Kind: TimerKind.ReadStatusAgain }:
                RunRules.ReadStatus(step, phase.Boot);
                break;
            case MachineEvent.StatusRead read:
                StatusRead(step, phase, read.Status);
                break;
            case MachineEvent.StatusUnread:
                step.SetTimer(TimerKind.ReadStatusAgain, CommonRules.ExamineAgain);
                break;
            case MachineEvent.GuestHalted:
                RefuseResumes(step, phase);
                StopRules.BeginKill(step, phase.Boot, StopCause.GuestHalted, [], StopRules.GuestHaltedDetail);
                break;
            case MachineEvent.ContactLost:
                step.Do(new MachineEffect.Examine(step.Record.Boot!, AskGuest: true));
                break;
            case MachineEvent.BootFound found when phase.ResumedBy.IsEmpty:
                AdoptionRules.Found(step, found);
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

    /// <summary>The reason for a pause that VmHost did not ask for; null where the guest runs.</summary>
    internal static PauseCause? CauseOf(GuestStatus status) =>
        status switch
        {
            GuestStatus.IoError error => new PauseCause.IoError(error.Device, error.Text),
            GuestStatus.StandsStill still => new PauseCause.External(still.RunState),
            _ => null,
        };

    private static void Requested(StepBuilder step, MachinePhase.Paused phase, MachineEvent.Request asked)
    {
        switch (asked)
        {
            case MachineEvent.StartRequested or MachineEvent.PauseRequested:
                step.Answer(asked.Id, changed: false);
                break;
            case MachineEvent.ResumeRequested request:
                step.Become(phase with { ResumedBy = phase.ResumedBy.Add(new(request.Id, WaiterKind.Resume)) });
                if (phase.ResumedBy.IsEmpty)
                    step.Do(new MachineEffect.Control(phase.Boot, ControlAction.Resume));
                break;
            case MachineEvent.HaltRequested request:
                RefuseResumes(step, phase);
                StopRules.Halt(step, phase.Boot, null, request, resumeFirst: true);
                break;
            case MachineEvent.KillRequested request:
                RefuseResumes(step, phase);
                StopRules.Kill(step, phase.Boot, null, request.Id);
                break;
            case MachineEvent.RestartRequested request:
                RefuseResumes(step, phase);
                StopRules.Restart(step, phase.Boot, request, resumeFirst: true);
                break;
            case MachineEvent.ResetRequested request:
                RefuseResumes(step, phase);
                StopRules.Kill(step, phase.Boot, null, request.Id, thenStart: true);
                break;
            default:
                step.Refuse(asked.Id, RestRules.InUse(step));
                break;
        }
    }

    private static void StatusRead(StepBuilder step, MachinePhase.Paused phase, GuestStatus status)
    {
        if (phase.Retry != ResumeRetry.None && CauseOf(status) is { } again)
        {
            step.CancelTimer(TimerKind.ResumeSettled);
            step.Become(new MachinePhase.Paused(phase.Boot, again, []));
            step.RefuseAll(phase.ResumedBy, VmHostError.FailedPrecondition, $"machine {step.Name} was resumed and stopped again: {again.Describe()}; remove the cause, then resume it again");
        }
        else if (status is GuestStatus.Runs && (phase.Retry == ResumeRetry.Settled || phase.ResumedBy.IsEmpty))
        {
            Resumed(step, phase);
        }
        else if (CauseOf(status) is { } cause && !(cause is PauseCause.External && phase.Cause is PauseCause.Requested))
        {
            step.Become(phase with { Cause = cause });   // a request and another program stop a guest in the same way
        }
    }

    private static void Resumed(StepBuilder step, MachinePhase.Paused phase)
    {
        RunRules.ForgetPause(step);
        step.Become(new MachinePhase.Running(phase.Boot, []));
        foreach (var waiter in phase.ResumedBy)
            step.Answer(waiter.Id, changed: true);
    }

    private static void RefuseResumes(StepBuilder step, MachinePhase.Paused phase) =>
        step.RefuseAll(phase.ResumedBy, VmHostError.Aborted, $"machine {step.Name} was stopped before it was resumed");
}
