using System.Collections.Immutable;
using VmHost.Hypervisors;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines.Life;

/// <summary>
/// From the wish for a boot to a guest that runs: Preparing (nothing is on disk), Launching (the shim is started),
/// Connecting (the shim is reached), Confirming (the guest is awaited).
/// </summary>
internal static class StartRules
{
    // A hypervisor that has neither answered nor written anything by then hangs.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    /// <summary>Begins a start.</summary>
    /// <param name="step">The step.</param>
    /// <param name="from">The phase to return to if it cannot begin; null for the reboot of a guest.</param>
    /// <param name="cause">The reason.</param>
    /// <param name="request">Answered when the guest runs; 0 for none.</param>
    internal static void Begin(StepBuilder step, MachinePhase? from, StartCause cause, long request)
    {
        Begin(step, from, new(cause, request == 0 ? [] : [new(request, WaiterKind.Start)], []));
    }

    /// <summary>Begins the start that completes a restart.</summary>
    internal static void BeginAgain(StepBuilder step, ImmutableArray<Waiter> waiters) =>
        Begin(step, from: null, new(StartCause.Request, [.. waiters.Select(static waiter => new Waiter(waiter.Id, WaiterKind.Start))], []));

    private static void Begin(StepBuilder step, MachinePhase? from, PendingStart start)
    {
        // An automatic start does not retry a pending spec that failed.
        var takesPending = start.Cause == StartCause.Request || step.Record.PendingProblem is null;
        Prepare(step, new(from, start, takesPending ? step.Record.PendingSpec : null));
    }

    private static void Prepare(StepBuilder step, MachinePhase.Preparing phase)
    {
        step.Become(phase);
        step.Do(new MachineEffect.Prepare(phase.Pending is { } pending ? step.Record with { Spec = pending } : step.Record));
    }

    internal static void Preparing(StepBuilder step, MachinePhase.Preparing phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.Prepared when phase.Start.Stop is not null:
                step.Remember(step.Record with { StoppedByHand = true });
                PendingStartRules.GiveUp(step, phase.From, "halted before it was started");
                PendingStartRules.Called(step, phase.Start);
                break;
            case MachineEvent.Prepared prepared:
                var before = step.Record;
                step.Remember(Begun(Taken(before, phase.Pending), phase.Start.Cause) with { Seq = before.Seq + 1, Boot = prepared.Boot, RestExpected = null, RebootPending = false });
                step.SetDigests([]);
                step.Become(new MachinePhase.Launching(before, phase.Start with { Warnings = prepared.Plan.Warnings }));
                step.Do(new MachineEffect.Launch(step.Record, prepared.Plan));
                break;
            case MachineEvent.PreparationFailed failed when phase.Pending is not null && phase.Start.Cause != StartCause.Request:
                KeepProblem(step, failed.Refusal.Message);
                Prepare(step, phase with { Pending = null, Start = phase.Start with { Warnings = phase.Start.Warnings.Add(NotTaken(failed.Refusal.Message)) } });
                break;
            case MachineEvent.PreparationFailed { Refusal: var refusal }:
                if (phase.Pending is not null)
                {
                    KeepProblem(step, refusal.Message);
                    refusal = refusal with { Message = $"{refusal.Message}; {NotTaken(step)}" };
                }

                PendingStartRules.NotBegun(step, phase.From, phase.Start, refusal);
                break;
            case MachineEvent.Request request:
                PendingStartRules.Request(step, phase.Start, request, start => step.Become(phase with { Start = start }));
                break;
            case MachineEvent.TimerDue { Timer: { Kind: TimerKind.HaltDeadline } timer }:
                PendingStartRules.StopOverdue(step, phase.Start, timer.Request, start => step.Become(phase with { Start = start }));
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    internal static void Launching(StepBuilder step, MachinePhase.Launching phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.Launched launched:
                // The launch has written the record as it was then.
                if (step.Record.Seq > phase.Before.Seq + 1)
                    step.Save(step.Record);

                var start = launched.Warning is { } warning ? phase.Start with { Warnings = phase.Start.Warnings.Add(warning) } : phase.Start;
                step.Become(new MachinePhase.Connecting(start, launched.Error));
                step.Do(new MachineEffect.Examine(step.Record.Boot!, AskGuest: false));
                break;
            case MachineEvent.LaunchFailed failed:
                var before = phase.Before.WithSettingsOf(step.Record) with { Seq = step.Record.Seq };
                if (before.Seq > phase.Before.Seq + 1)
                    step.Save(before);   // a change of the policy may have been written with the boot
                else
                    step.Remember(before);

                PendingStartRules.NotBegun(step, from: null, phase.Start, failed.Refusal);
                break;
            case MachineEvent.Request request:
                PendingStartRules.Request(step, phase.Start, request, start => step.Become(phase with { Start = start }));
                break;
            case MachineEvent.TimerDue { Timer: { Kind: TimerKind.HaltDeadline } timer }:
                PendingStartRules.StopOverdue(step, phase.Start, timer.Request, start => step.Become(phase with { Start = start }));
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    internal static void Connecting(StepBuilder step, MachinePhase.Connecting phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.ContactLost:
                step.Do(new MachineEffect.Examine(step.Record.Boot!, AskGuest: false));
                break;
            case MachineEvent.BootFound found when phase.Start.Stop is { } stop:
                StopRules.Begin(step, found.Live, phase.Start.Waiters, stop, resumeFirst: false, phase.Start);
                step.Do(new MachineEffect.WatchGuest(found.Live));
                break;
            case MachineEvent.BootFound found:
                Confirm(step, found.Live, phase.Start);
                step.Do(new MachineEffect.WatchGuest(found.Live));
                break;
            case MachineEvent.Request request:
                PendingStartRules.Request(step, phase.Start, request, start => step.Become(phase with { Start = start }));
                break;
            case MachineEvent.TimerDue { Timer: { Kind: TimerKind.HaltDeadline } timer }:
                PendingStartRules.StopOverdue(step, phase.Start, timer.Request, start => step.Become(phase with { Start = start }));
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    internal static void Confirming(StepBuilder step, MachinePhase.Confirming phase, MachineEvent happened)
    {
        switch (happened)
        {
            case MachineEvent.GuestReady:
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.StartLimit } when phase.Boot.Control != ControlChannel.Qmp:
                // Other hypervisors than QEMU give no sign: one that lives that long runs its guest.
                step.CancelTimer(TimerKind.StartLimit);
                foreach (var waiter in phase.Start.Waiters)
                    step.Answer(waiter.Id, new Outcome.Done(Changed: true) { Warnings = phase.Start.Warnings });

                if (step.Record.PreviousSpec is not null)
                    step.Save(step.Record with { PreviousSpec = null });
                step.Become(new MachinePhase.Running(phase.Boot, []));
                step.Do(new MachineEffect.ComputeDigests(phase.Boot.Number));
                RunRules.ReadStatus(step, phase.Boot);   // a disk may have failed before the first sign of the guest
                break;
            case MachineEvent.TimerDue { Timer.Kind: TimerKind.StartLimit }:
                StopRules.BeginKill(step, phase.Boot, StopCause.StartTimedOut, phase.Start.Waiters, "the hypervisor hangs, and is killed");
                break;
            case MachineEvent.HaltRequested request:
                step.CancelTimer(TimerKind.StartLimit);
                StopRules.Halt(step, phase.Boot, phase.Start, request, resumeFirst: false);
                break;
            case MachineEvent.KillRequested request:
                step.CancelTimer(TimerKind.StartLimit);
                StopRules.Kill(step, phase.Boot, phase.Start, request.Id);
                break;
            case MachineEvent.Request request:
                PendingStartRules.Request(step, phase.Start, request, start => step.Become(phase with { Start = start }));
                break;
            case MachineEvent.GuestHalted:
                StopRules.BeginKill(step, phase.Boot, StopCause.GuestHalted, phase.Start.Waiters, StopRules.GuestHaltedDetail);
                break;
            case MachineEvent.ContactLost:
                step.Do(new MachineEffect.Examine(step.Record.Boot!, AskGuest: false));
                break;
            case MachineEvent.BootFound found:
                step.Become(phase with { Boot = found.Live });
                step.Do(new MachineEffect.WatchForReadiness(found.Live));
                step.Do(new MachineEffect.WatchGuest(found.Live));
                break;
            default:
                step.Ignore(happened);
                break;
        }
    }

    /// <summary>Waits for the first sign of the guest.</summary>
    internal static void Confirm(StepBuilder step, LiveBoot boot, PendingStart start)
    {
        step.Become(new MachinePhase.Confirming(boot, start));
        step.Do(new MachineEffect.WatchForReadiness(boot));
        step.SetTimer(TimerKind.StartLimit, StartLimit);
    }

    /// <summary>What is said where a start failed because of the pending spec.</summary>
    internal static string NotTaken(StepBuilder step) =>
        $"machine {step.Name} has not taken its pending change and keeps its old spec; if the change is the cause, correct it with: vmctl update {step.Name}";

    private static string NotTaken(string problem) => $"the pending change of the spec was not taken: {problem}";

    private static void KeepProblem(StepBuilder step, string problem)
    {
        var record = step.Record with { PendingProblem = problem };
        if (record.Seq > 0)
            step.Save(record);
        else
            step.Remember(record);   // nothing of the machine is on disk, and its first start writes all of it
    }

    private static MachineRecord Taken(MachineRecord record, MachineSpec? pending) =>
        pending is null
            ? record
            : record with
            {
                Spec = pending,
                PreviousSpec = record.Spec,
                PendingSpec = record.PendingSpec == pending ? null : record.PendingSpec ?? record.Spec,   // null: it was taken back meanwhile
                PendingProblem = null,
                Revision = record.Revision + 1,
            };

    private static MachineRecord Begun(MachineRecord record, StartCause cause) =>
        cause switch
        {
            // Whatever the restart policy had counted is over.
            StartCause.Request => record with { QuickResets = 0, StoppedByHand = false, Retry = null, RestDetail = null },

            StartCause.Policy => record with { Retry = (record.Retry ?? new(1, null)) with { NextAt = null } },

            // A failure of this boot is no first start's: no caller learns of it, so the policy decides.
            StartCause.Reboot => record with { Retry = record.Retry ?? new(0, null) },
            _ => throw new InvalidOperationException("no such cause"),
        };
}
