using VmHost.Hypervisors;
using VmHost.Specs;

namespace VmHost.Machines.Life;

/// <summary>A guest that runs, and the way into a pause.</summary>
internal static class RunRules
{
    internal static void Running(StepBuilder step, MachinePhase.Running phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.Request asked:
                Requested(step, phase, asked);
                break;
            case MachineEvent.ControlDone { Action: ControlAction.Pause }:
                if (step.Record.PausedBoot != phase.Boot.Number)
                    step.Save(step.Record with { PausedBoot = phase.Boot.Number });

                step.Become(new MachinePhase.Paused(phase.Boot, new PauseCause.Requested(), []));
                foreach (var waiter in phase.PausedBy)
                    step.Answer(waiter.Id, changed: true);
                ReadStatus(step, phase.Boot);   // a disk may have failed before
                break;
            case MachineEvent.ControlFailed { Action: ControlAction.Pause } failed:
                ForgetPause(step);
                step.Become(phase with { PausedBy = [] });
                step.RefuseAll(phase.PausedBy, VmHostError.HypervisorFailed, $"the hypervisor of machine {step.Name} did not pause it: {failed.Problem}");
                ReadStatus(step, phase.Boot);   // it may have done so after all
                break;
            case MachineEvent.MonitorChanged or MachineEvent.TimerDue { Timer.Kind: TimerKind.ReadStatusAgain }:
                ReadStatus(step, phase.Boot);
                break;
            case MachineEvent.StatusRead read when phase.PausedBy.IsEmpty && PauseRules.CauseOf(read.Status) is { } cause:
                step.Become(new MachinePhase.Paused(phase.Boot, cause, []));
                break;
            case MachineEvent.StatusRead:
                break;   // it runs, or a pause is under way whose result comes next
            case MachineEvent.StatusUnread:
                step.SetTimer(TimerKind.ReadStatusAgain, CommonRules.ExamineAgain);
                break;
            case MachineEvent.GuestHalted:
                RefusePauses(step, phase);
                StopRules.BeginKill(step, phase.Boot, StopCause.GuestHalted, [], StopRules.GuestHaltedDetail);
                break;
            case MachineEvent.ContactLost:
                step.Do(new MachineEffect.Examine(step.Record.Boot!, AskGuest: true));
                break;
            case MachineEvent.BootFound found when phase.PausedBy.IsEmpty:
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

    /// <summary>Asks for the guest's status, where the hypervisor can be asked.</summary>
    internal static void ReadStatus(StepBuilder step, LiveBoot boot)
    {
        if (boot.Control == ControlChannel.Qmp)
            step.Do(new MachineEffect.ReadStatus(boot));
    }

    /// <summary>The guest is not paused by a request, or not any more.</summary>
    internal static void ForgetPause(StepBuilder step)
    {
        if (step.Record.PausedBoot is not null)
            step.Save(step.Record with { PausedBoot = null });
    }

    /// <summary>The refusal of whatever needs a guest that runs.</summary>
    internal static Refusal NotRunning(StepBuilder step) =>
        new(VmHostError.FailedPrecondition, $"machine {step.Name} does not run, so it can be neither paused, resumed nor reset; start it with: vmctl start {step.Name}") { Reason = ErrorReason.MachineNotRunning };

    private static void Requested(StepBuilder step, MachinePhase.Running phase, MachineEvent.Request asked)
    {
        switch (asked)
        {
            case MachineEvent.StartRequested:
                step.Answer(asked.Id, changed: false);
                break;
            case MachineEvent.HaltRequested request:
                RefusePauses(step, phase);
                StopRules.Halt(step, phase.Boot, null, request, resumeFirst: !phase.PausedBy.IsEmpty);
                break;
            case MachineEvent.KillRequested request:
                RefusePauses(step, phase);
                StopRules.Kill(step, phase.Boot, null, request.Id);
                break;
            case MachineEvent.RestartRequested request:
                RefusePauses(step, phase);
                StopRules.Restart(step, phase.Boot, request, resumeFirst: !phase.PausedBy.IsEmpty);
                break;
            case MachineEvent.ResetRequested request:
                RefusePauses(step, phase);
                StopRules.Kill(step, phase.Boot, null, request.Id, thenStart: true);
                break;
            case MachineEvent.PauseRequested request:
                Pause(step, phase, request.Id);
                break;
            case MachineEvent.ResumeRequested request when phase.PausedBy.IsEmpty:
                step.Answer(request.Id, changed: false);
                break;
            case MachineEvent.ResumeRequested request:
                step.Refuse(request.Id, new(VmHostError.Aborted, $"machine {step.Name} is being paused; try again") { Reason = ErrorReason.MachineBusy });
                break;
            default:
                step.Refuse(asked.Id, RestRules.InUse(step));
                break;
        }
    }

    private static void Pause(StepBuilder step, MachinePhase.Running phase, long request)
    {
        // The signal that pauses HyperKit kills xhyve.
        if (phase.Boot.Control == ControlChannel.TerminateSignal)
        {
            step.Refuse(request, new(VmHostError.FailedPrecondition, "xhyve cannot pause a guest; use HyperKit or QEMU") { Reason = ErrorReason.HypervisorUnsupported });
            return;
        }

        step.Become(phase with { PausedBy = phase.PausedBy.Add(new(request, WaiterKind.Pause)) });
        if (!phase.PausedBy.IsEmpty)
            return;   // asked for already

        step.Save(step.Record with { PausedBoot = phase.Boot.Number });
        step.Do(new MachineEffect.Control(phase.Boot, ControlAction.Pause));
    }

    private static void RefusePauses(StepBuilder step, MachinePhase.Running phase) =>
        step.RefuseAll(phase.PausedBy, VmHostError.Aborted, $"machine {step.Name} was stopped before it was paused");
}
