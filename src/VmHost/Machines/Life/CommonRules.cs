using VmHost.Specs;

namespace VmHost.Machines.Life;

/// <summary>What is the same in every phase that has a record and is not being deleted.</summary>
internal static class CommonRules
{
    /// <summary>How long after which a machine that could not be examined is examined again.</summary>
    internal static readonly TimeSpan ExamineAgain = TimeSpan.FromSeconds(5);

    /// <summary>Returns false for an event that the phase decides on.</summary>
    internal static bool Handle(StepBuilder step, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.OfBoot of when of.Boot != step.Record.Boot?.Number:
                return true;   // late news of a boot that is over: its end was dealt with
            case MachineEvent.BootEnded ended when ended.Boot == step.Record.LastExit?.Boot:
                return true;   // a second examination saw it too
            case MachineEvent.BootEnded ended when IsAwaited(step.Phase):
                EndRules.Ended(step, ended.Exit);
                return true;
            case MachineEvent.BootSilent silent when IsAwaited(step.Phase) && step.Phase is not MachinePhase.Unknown:
                AdoptionRules.LoseContact(step, silent.Reason);
                return true;
            case MachineEvent.DigestsComputed computed:
                step.SetDigests(computed.Digests);
                return true;
            case MachineEvent.UpdateRequested or MachineEvent.UpdateSaved or MachineEvent.UpdateFailed when step.Phase is not MachinePhase.Adopting:
                UpdateRules.Handle(step, happened);
                return true;
            case MachineEvent.ControlFailed { Action: ControlAction.Pause } or MachineEvent.ControlDone { Action: ControlAction.Resume } when step.Phase is MachinePhase.Unknown:
                RunRules.ForgetPause(step);   // so that contact regained does not restore it
                return true;
            case MachineEvent.LoopFailed failed:
                Fail(step, failed);
                return true;
            case MachineEvent.Prepared when step.Phase is MachinePhase.Created or MachinePhase.Ended or MachinePhase.Backoff:
                step.Do(new MachineEffect.ReleaseClaims());   // the loop failed meanwhile, and nothing waits for it
                return true;
            case MachineEvent.FilesDeleted when step.Phase is MachinePhase.Created or MachinePhase.Ended or MachinePhase.Backoff or MachinePhase.Unknown:
                // A deletion that was tried again, as the loop failed meanwhile.
                step.RefuseAll(step.Phase.Waiting, VmHostError.NotFound, $"machine {step.Name} was deleted");
                UpdateRules.RefuseAll(step, new(VmHostError.NotFound, $"machine {step.Name} was deleted"));
                RestRules.FilesDeleted(step);
                return true;
            default:
                return false;
        }
    }

    /// <summary>The refusal of whatever needs to know what the machine does.</summary>
    internal static Refusal UnknownState(StepBuilder step) =>
        new(VmHostError.FailedPrecondition, $"the state of machine {step.Name} is unknown ({step.Phase.Detail}); end what may be left of it with: vmctl kill {step.Name}") { Reason = ErrorReason.MachineStateUnknown };

    // A boot may run, and what it came to is of interest.
    private static bool IsAwaited(MachinePhase phase) =>
        phase is MachinePhase.Adopting or MachinePhase.Connecting or MachinePhase.Confirming or MachinePhase.Running
            or MachinePhase.Paused or MachinePhase.Stopping or MachinePhase.Unknown;

    // Whatever the machine did is unknown now; the loop has answered its requests.
    private static void Fail(StepBuilder step, MachineEvent.LoopFailed failed)
    {
        step.Become(AdoptionRules.UnknownAfter(step.Phase, failed.Reason) with { ResultsCount = false });

        // What is on disk may be what the event that failed would have brought.
        step.Updates = [];
        if (step.Record.Boot is not null)
            step.Save(step.Record);

        step.SetTimer(TimerKind.ExamineAgain, ExamineAgain);
    }
}
