using System.Collections.Immutable;
using VmHost.State;

namespace VmHost.Machines.Life;

/// <summary>All that is known of a machine at one moment.</summary>
/// <param name="Id">12 lower-case hex digits.</param>
/// <param name="Record">What is, or is about to be, on disk; null where that cannot be read.</param>
/// <param name="Phase">What the machine is doing.</param>
/// <param name="Digests">Of the files that the current or last boot used, once computed.</param>
internal sealed record MachineLife(string Id, MachineRecord? Record, MachinePhase Phase, ImmutableArray<ImageDigest> Digests)
{
    /// <summary>Changes of the restart policy, one after the other; the first is being saved.</summary>
    internal ImmutableArray<MachineEvent.UpdateRequested> Updates { get; init; } = [];

    /// <summary>The machine's name; its id where the record cannot be read.</summary>
    internal string Name => Record?.Name ?? Id;

    /// <summary>
    /// The life of a machine: what it does after an event, and what it asks of the world. Total and pure: every phase has a
    /// result for every event, and equal arguments give equal results.
    /// </summary>
    /// <param name="happened">The event.</param>
    /// <param name="moment">What a pure function cannot know.</param>
    internal Step Next(MachineEvent happened, Moment moment)
    {
        var step = new StepBuilder(this, moment);
        Dispatch(step, happened);
        if (Phase is MachinePhase.Adopting adopting && step.Phase is not MachinePhase.Adopting)
            step.Release(adopting.Held);
        while (step.TryTakeHeld(out var held))
            Dispatch(step, held);

        return step.ToStep();
    }

    private static void Dispatch(StepBuilder step, MachineEvent happened)
    {
        if (step.Phase is not (MachinePhase.Unreadable or MachinePhase.Deleted or MachinePhase.Deleting) && CommonRules.Handle(step, happened))
            return;

        switch (step.Phase)
        {
            case MachinePhase.Unreadable phase:
                RestRules.Unreadable(step, phase, happened);
                break;
            case MachinePhase.Adopting phase:
                AdoptionRules.Adopting(step, phase, happened);
                break;
            case MachinePhase.Created or MachinePhase.Ended:
                RestRules.AtRest(step, happened);
                break;
            case MachinePhase.Backoff:
                RestRules.Backoff(step, happened);
                break;
            case MachinePhase.Preparing phase:
                StartRules.Preparing(step, phase, happened);
                break;
            case MachinePhase.Launching phase:
                StartRules.Launching(step, phase, happened);
                break;
            case MachinePhase.Connecting phase:
                StartRules.Connecting(step, phase, happened);
                break;
            case MachinePhase.Confirming phase:
                StartRules.Confirming(step, phase, happened);
                break;
            case MachinePhase.Running phase:
                RunRules.Running(step, phase, happened);
                break;
            case MachinePhase.Paused phase:
                PauseRules.Paused(step, phase, happened);
                break;
            case MachinePhase.Stopping phase:
                StoppingRules.Stopping(step, phase, happened);
                break;
            case MachinePhase.Unknown phase:
                AdoptionRules.Unknown(step, phase, happened);
                break;
            case MachinePhase.Deleting phase:
                RestRules.Deleting(step, phase, happened);
                break;
            case MachinePhase.Deleted:
                RestRules.Deleted(step, happened);
                break;
            default:
                throw new InvalidOperationException($"no rules for {step.Phase.GetType().Name}");
        }
    }
}

/// <summary>What a pure function cannot know.</summary>
/// <param name="Now">The host's clock.</param>
/// <param name="Jitter">Random, 0 up to 1: spreads machines that fail together.</param>
internal readonly record struct Moment(DateTimeOffset Now, double Jitter);

/// <summary>The result of an event.</summary>
/// <param name="Life">After it.</param>
/// <param name="Effects">In the order in which they begin.</param>
internal sealed record Step(MachineLife Life, ImmutableArray<MachineEffect> Effects);
