using VmHost.Machines.Events;
using VmHost.Specs;

namespace VmHost.Machines.Life;

/// <summary>Phases in which no hypervisor runs: Created, Ended, Backoff, and the deletion that follows.</summary>
internal static class RestRules
{
    internal static void AtRest(StepBuilder step, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.StartRequested { WithHost: true } request:
                step.Remember(step.Record with { StoppedByHand = false, Retry = new(1, step.Moment.Now) });
                StartRules.Begin(step, step.Phase, StartCause.Policy, request.Id);
                break;
            case MachineEvent.StartRequested or MachineEvent.RestartRequested:
                StartRules.Begin(step, step.Phase, StartCause.Request, ((MachineEvent.Request)happened).Id);
                break;
            case MachineEvent.HaltRequested or MachineEvent.KillRequested:
                step.Answer(((MachineEvent.Request)happened).Id, changed: false);
                break;
            case MachineEvent.PauseRequested or MachineEvent.ResumeRequested or MachineEvent.ResetRequested:
                step.Refuse(((MachineEvent.Request)happened).Id, RunRules.NotRunning(step));
                break;
            case MachineEvent.DeleteRequested request:
                BeginDeletion(step, request);
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    internal static void Backoff(StepBuilder step, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.Restart }:
                StartRules.Begin(step, step.Phase, StartCause.Policy, request: 0);
                break;
            case MachineEvent.StartRequested or MachineEvent.RestartRequested:
                step.CancelTimer(TimerKind.Restart);
                StartRules.Begin(step, step.Phase, StartCause.Request, ((MachineEvent.Request)happened).Id);
                break;
            case MachineEvent.HaltRequested or MachineEvent.KillRequested:
                step.Remember(step.Record with { StoppedByHand = true });
                EndBackoff(step, "it was halted");
                step.Answer(((MachineEvent.Request)happened).Id, changed: true);
                break;
            case MachineEvent.PauseRequested or MachineEvent.ResumeRequested or MachineEvent.ResetRequested:
                step.Refuse(((MachineEvent.Request)happened).Id, RunRules.NotRunning(step));
                break;
            case MachineEvent.DeleteRequested request:
                step.Refuse(request.Id, InUse(step));
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    internal static void Unreadable(StepBuilder step, MachinePhase.Unreadable phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.DeleteRequested { EvenUnknown: true } request:
                BeginDeletion(step, request);
                break;
            case MachineEvent.Request request:
                step.Refuse(request.Id, new(VmHostError.FailedPrecondition, $"the record of machine {step.Name} cannot be read ({phase.Problem}); remove the machine with: vmctl rm --force {step.Name}") { Reason = ErrorReason.RecordUnreadable });
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    internal static void Deleting(StepBuilder step, MachinePhase.Deleting phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.FilesDeleted:
                FilesDeleted(step);
                step.Answer(phase.By.Id, changed: true);
                break;
            case MachineEvent.DeletionFailed failed:
                step.Become(phase.From);
                step.Refuse(phase.By.Id, failed.Refusal);

                // A part of it may be gone, and it is not to be half a machine.
                if (step.HasRecord && step.Record.Seq > 0)
                    step.Save(step.Record);
                if (phase.From is MachinePhase.Unknown)
                    step.SetTimer(TimerKind.ExamineAgain, CommonRules.ExamineAgain);
                break;
            case MachineEvent.LoopFailed:
                // The loop has answered it, and may have failed at the result.
                step.Become(phase with { By = phase.By with { Id = 0 } });
                step.Do(new MachineEffect.DeleteFiles());
                break;
            case MachineEvent.Request request:
                step.Refuse(request.Id, BeingDeleted(step));
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    internal static void Deleted(StepBuilder step, MachineEvent happened)
    {
        if (happened is MachineEvent.Request request)
            step.Refuse(request.Id, VmHostError.NotFound, $"machine {step.Name} was deleted");
        else
            step.Ignore(happened);
    }

    /// <summary>Ends <see cref="MachinePhase.Backoff"/> without a start.</summary>
    internal static void EndBackoff(StepBuilder step, string why)
    {
        step.CancelTimer(TimerKind.Restart);
        var last = step.Record.LastExit;
        EndRules.Rest(step, new RestartDecision.Stay(), last?.Expected ?? false, $"not started again, as {why}; before: {last?.Detail ?? "it did not run"}", exit: null);
    }

    /// <summary>Nothing of the machine is left.</summary>
    internal static void FilesDeleted(StepBuilder step)
    {
        step.Become(new MachinePhase.Deleted(step.Phase.State));
        step.Do(new MachineEffect.ReleaseClaims());
        step.Publish(HostEventKind.MachineDeleted);
    }

    /// <summary>Begins to delete the files of a machine of which nothing is known to run.</summary>
    internal static void BeginDeletion(StepBuilder step, MachineEvent.DeleteRequested request)
    {
        UpdateRules.RefuseAll(step, BeingDeleted(step));
        step.Become(new MachinePhase.Deleting(step.Phase, new(request.Id, WaiterKind.Delete)));
        step.Do(new MachineEffect.DeleteFiles());
    }

    /// <summary>The refusal of a deletion.</summary>
    internal static Refusal InUse(StepBuilder step) =>
        new(VmHostError.FailedPrecondition, $"machine {step.Name} is {(step.Phase is MachinePhase.Preparing ? "being started" : Describe(step.Phase.State))}; halt it first (vmctl halt {step.Name}) or remove it with --force") { Reason = ErrorReason.MachineRunning };

    private static string Describe(MachineState state) =>
        state switch
        {
            MachineState.Backoff => "waiting to be started again",
            MachineState.Starting => "being started",
            MachineState.Stopping => "being stopped",
            MachineState.Paused => "paused",
            _ => "running",
        };

    private static Refusal BeingDeleted(StepBuilder step) => new(VmHostError.Aborted, $"machine {step.Name} is being deleted") { Reason = ErrorReason.MachineBusy };
}
