using VmHost.Specs;

namespace VmHost.Machines.Life;

/// <summary>Requests that come while a start is under way, and what becomes of them where no boot begins.</summary>
internal static class PendingStartRules
{
    // While nothing can be asked of the hypervisor yet, a stop is noted and carried out later.
    internal static void Request(StepBuilder step, PendingStart start, MachineEvent.Request request, Action<PendingStart> become)
    {
        switch (request)
        {
            case MachineEvent.StartRequested when start.Stop is not null:
                step.Refuse(request.Id, StopRules.BeingStopped(step));
                break;
            case MachineEvent.StartRequested:
                step.Answer(request.Id, changed: false);
                break;
            case MachineEvent.HaltRequested halt:
                step.SetTimer(TimerKind.HaltDeadline, halt.Options.Grace, halt.Id);
                become(start with { Waiters = start.Waiters.Add(StopRules.WaiterOf(halt)), Stop = StopRules.Merge(start.Stop, halt, step.Moment.Now) });
                break;
            case MachineEvent.KillRequested:
                become(start with
                {
                    Waiters = start.Waiters.Add(new(request.Id, WaiterKind.Kill)),
                    Stop = new(Kill: true, step.Moment.Now, null),
                });
                break;
            case MachineEvent.PauseRequested or MachineEvent.ResumeRequested or MachineEvent.RestartRequested or MachineEvent.ResetRequested:
                step.Refuse(request.Id, new(VmHostError.FailedPrecondition, $"machine {step.Name} is being started; wait for it (vmctl wait {step.Name} --for running)") { Reason = ErrorReason.MachineBusy });
                break;
            default:
                step.Refuse(request.Id, RestRules.InUse(step));
                break;
        }
    }

    internal static void StopOverdue(StepBuilder step, PendingStart start, long request, Action<PendingStart> become)
    {
        if (start.Waiters.FirstOrDefault(waiter => waiter.Id == request) is not { } waiter)
            return;

        if (waiter.Kind == WaiterKind.HaltThenKill)
        {
            become(start with { Stop = new(Kill: true, step.Moment.Now, null, IsGraceOver: true) });
            return;
        }

        step.Refuse(request, StopRules.Overdue(step, problem: null));
        var left = start.Waiters.Remove(waiter);
        become(start with { Waiters = left, Stop = left.Any(StopRules.IsStop) ? start.Stop : null });
    }

    // Claims are made by the preparation alone; a launch that failed leaves them to be freed here.
    internal static void NotBegun(StepBuilder step, MachinePhase? from, PendingStart start, Refusal refusal)
    {
        if (start.Stop is not null)
        {
            step.Remember(step.Record with { StoppedByHand = true });
            GiveUp(step, from, $"halted before it was started, which failed: {refusal.Message}");
        }
        else if (start.Cause == StartCause.Policy)
        {
            EndRules.Rest(step, RestartRules.AfterFailedStart(step.Record, step.Moment.Jitter), expected: false, refusal.Message, exit: null);
        }
        else if (start.Cause == StartCause.Reboot)
        {
            // The end of the last boot is on record, and stays what it was.
            EndRules.Rest(step, RestartRules.AfterFailedStart(step.Record, step.Moment.Jitter), expected: false, $"the guest rebooted, and its next boot could not begin: {refusal.Message}", exit: null);
        }
        else if (from is MachinePhase.Created or MachinePhase.Ended)
        {
            step.Become(from);
            step.Do(new MachineEffect.ReleaseClaims());   // a defect may have come after the claim
        }
        else
        {
            EndRules.Rest(step, new RestartDecision.Stay(), expected: false, refusal.Message, exit: null);
        }

        Called(step, start, refusal);
    }

    internal static void GiveUp(StepBuilder step, MachinePhase? from, string why)
    {
        if (from is MachinePhase.Created)
        {
            step.Become(from);
            step.Do(new MachineEffect.ReleaseClaims());
        }
        else
        {
            EndRules.Rest(step, new RestartDecision.Stay(), expected: true, why, exit: null);
        }
    }

    // Nothing runs: the stops have what they wanted, the starts do not.
    internal static void Called(StepBuilder step, PendingStart start, Refusal? refusal = null)
    {
        foreach (var waiter in start.Waiters)
        {
            if (StopRules.IsStop(waiter))
            {
                step.CancelTimer(TimerKind.HaltDeadline, waiter.Id);
                step.Answer(waiter.Id, changed: true);
            }
            else
            {
                step.Refuse(waiter.Id, refusal ?? new(VmHostError.Aborted, $"machine {step.Name} was halted before it was started"));
            }
        }
    }
}
