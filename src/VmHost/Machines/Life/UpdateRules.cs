using VmHost.Machines.Events;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines.Life;

/// <summary>
/// Changes of what clients can set: one at a time, in any phase. A change is shown and answered when it is on disk, and not before.
/// </summary>
internal static class UpdateRules
{
    internal static void Handle(StepBuilder step, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.UpdateRequested request:
                step.Updates = step.Updates.Add(request);
                if (step.Updates.Length == 1)
                    BeginNext(step);
                break;

            // After a failure of the loop, no request waits for it, and the old record was written again.
            case MachineEvent.UpdateSaved saved when IsFirst(step, saved.Id):
                Saved(step, saved);
                break;
            case MachineEvent.UpdateFailed failed when IsFirst(step, failed.Id):
                // The old one is written again, should only the last step have failed: a refused change must not appear later.
                step.Save(step.Record);
                step.Refuse(failed.Id, VmHostError.ResourceExhausted, $"machine {step.Name} cannot be saved, and nothing of it was changed: {failed.Problem}");
                Finish(step);
                break;
            default:
                break;
        }
    }

    /// <summary>The machine is being deleted: no change of its policy is carried out any more.</summary>
    internal static void RefuseAll(StepBuilder step, Refusal refusal)
    {
        foreach (var update in step.Updates)
            step.Refuse(update.Id, refusal);

        step.Updates = [];
    }

    /// <summary>The refusal of a change to a machine that was changed meanwhile.</summary>
    internal static Refusal Stale(string machine) =>
        new(VmHostError.Aborted, $"machine {machine} was changed since its etag was read; read it again, and repeat the change if it is still wanted") { Reason = ErrorReason.EtagMismatch };

    private static MachineRecord Applied(StepBuilder step, MachineEvent.UpdateRequested update) =>
        update.Change.Apply(step.Record, isAtRest: step.Phase is MachinePhase.Created or MachinePhase.Ended);

    private static bool IsFirst(StepBuilder step, long id) => step.Updates is [var first, ..] && first.Id == id;

    private static void BeginNext(StepBuilder step)
    {
        while (step.Updates is [var next, ..])
        {
            if (next.Revision is { } seen && seen != step.Record.Revision)
            {
                step.Refuse(next.Id, Stale(step.Name));
            }
            else if (!next.Change.IsWriteOnly && Applied(step, next) == step.Record)
            {
                step.Answer(next.Id, changed: false);
            }
            else if (step.Record.Seq == 0 && !next.Change.IsWriteOnly)
            {
                // Nothing of the machine is on disk yet; the first start writes it.
                step.Remember(Applied(step, next));
                Report(step, next);
            }
            else
            {
                Save(step, next);
                return;
            }

            step.Updates = step.Updates.RemoveAt(0);
        }
    }

    // No two records that are written have one number, so that a late one never replaces a newer one.
    private static void Save(StepBuilder step, MachineEvent.UpdateRequested update)
    {
        step.Remember(step.Record with { Seq = step.Record.Seq + 1 });
        step.Do(new MachineEffect.SaveUpdate(update.Id, Applied(step, update)));
    }

    private static void Saved(StepBuilder step, MachineEvent.UpdateSaved saved)
    {
        // What was written meanwhile was without the change, and has replaced it; or a start has begun with the old spec.
        var applied = Applied(step, step.Updates[0]);
        if (step.Record.Seq > saved.Saved.Seq || applied.Spec != saved.Saved.Spec || applied.PendingSpec != saved.Saved.PendingSpec)
        {
            Save(step, step.Updates[0]);
            return;
        }

        step.Remember(applied);
        Report(step, step.Updates[0]);
        if (step.Phase is MachinePhase.Backoff && step.Record.Restart.Mode == RestartMode.No)
            RestRules.EndBackoff(step, "its restart policy was taken away");

        Finish(step);
    }

    private static void Finish(StepBuilder step)
    {
        step.Updates = step.Updates.RemoveAt(0);
        BeginNext(step);
    }

    private static void Report(StepBuilder step, MachineEvent.UpdateRequested update)
    {
        if (!update.Change.IsWriteOnly)
            step.Publish(HostEventKind.MachineUpdated);
        step.Answer(update.Id, changed: true);
    }
}
