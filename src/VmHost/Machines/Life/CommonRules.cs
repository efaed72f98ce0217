using VmHost.Machines.Events;
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
            case MachineEvent.BootEnded ended when IsAwaited(step.Phase):
                EndRules.Ended(step, ended.Exit);
                return true;
            case MachineEvent.BootSilent silent when IsAwaited(step.Phase) && step.Phase is not MachinePhase.Unknown:
                AdoptionRules.LoseContact(step, silent.Reason);
                return true;
            case MachineEvent.DigestsComputed computed:
                step.SetDigests(computed.Digests);
                return true;
            case MachineEvent.UpdateRequested request when step.Phase is not MachinePhase.Adopting:
                Update(step, request);
                return true;
            case MachineEvent.UpdateSaved saved:
                UpdateSaved(step, saved);
                return true;
            case MachineEvent.UpdateFailed failed:
                // The old one is written again, should only the last step have failed: a refused change must not appear later.
                step.Save(step.Record);
                step.Refuse(failed.Id, VmHostError.ResourceExhausted, $"the restart policy of machine {step.Name} cannot be saved and stays as it was: {failed.Problem}");
                return true;
            case MachineEvent.LoopFailed failed:
                Fail(step, failed);
                return true;
            case MachineEvent.Prepared when step.Phase is MachinePhase.Created or MachinePhase.Ended or MachinePhase.Backoff:
                step.Do(new MachineEffect.ReleaseClaims());   // the loop failed meanwhile, and nothing waits for it
                return true;
            case MachineEvent.FilesDeleted:
                RestRules.FilesDeleted(step);   // the loop failed meanwhile; the files are gone all the same
                return true;
            default:
                return false;
        }
    }

    /// <summary>The refusal of whatever needs to know what the machine does.</summary>
    internal static Refusal UnknownState(StepBuilder step) =>
        new(VmHostError.FailedPrecondition, $"the state of machine {step.Name} is unknown ({step.Phase.Detail}); end what may be left of it with: vmctl kill {step.Name}");

    // A boot may run, and what it came to is of interest.
    private static bool IsAwaited(MachinePhase phase) =>
        phase is MachinePhase.Adopting or MachinePhase.Connecting or MachinePhase.Confirming or MachinePhase.Running
            or MachinePhase.Paused or MachinePhase.Stopping or MachinePhase.Unknown;

    private static void Update(StepBuilder step, MachineEvent.UpdateRequested request)
    {
        if (step.Record.Restart == request.Policy)
        {
            step.Answer(request.Id, changed: false);
        }
        else if (step.Record.Boot is null)
        {
            // Nothing of the machine is on disk yet; the first start writes it.
            step.Remember(step.Record with { Restart = request.Policy });
            Updated(step, request.Id);
        }
        else
        {
            step.Do(new MachineEffect.SaveUpdate(request.Id, step.Record with { Seq = step.Record.Seq + 1, Restart = request.Policy }));
        }
    }

    private static void UpdateSaved(StepBuilder step, MachineEvent.UpdateSaved saved)
    {
        var changed = step.Record with { Restart = saved.Saved.Restart };

        // What was written meanwhile had the old policy.
        if (step.Record.Seq >= saved.Saved.Seq)
            step.Save(changed);
        else
            step.Remember(changed with { Seq = saved.Saved.Seq });

        Updated(step, saved.Id);
        if (step.Phase is MachinePhase.Backoff && changed.Restart.Mode == RestartMode.No)
            RestRules.EndBackoff(step, "its restart policy was taken away");
    }

    private static void Updated(StepBuilder step, long request)
    {
        step.Publish(HostEventKind.MachineUpdated);
        step.Answer(request, changed: true);
    }

    // Whatever the machine did is unknown now; the loop has answered its requests.
    private static void Fail(StepBuilder step, MachineEvent.LoopFailed failed)
    {
        var endedBy = step.Phase is MachinePhase.Stopping stopping ? stopping.Cause : (StopCause?)null;
        step.Become(new MachinePhase.Unknown(failed.Reason, step.Phase.Live, endedBy, []));
        step.SetTimer(TimerKind.ExamineAgain, ExamineAgain);
    }
}
