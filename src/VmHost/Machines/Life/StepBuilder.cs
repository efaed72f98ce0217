using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using VmHost.Machines.Events;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines.Life;

/// <summary>
/// Collects what one event leads to, for the rules. It lives for one call of <see cref="MachineLife.Next"/>, which stays
/// pure: nothing in here is shared.
/// </summary>
internal sealed class StepBuilder(MachineLife before, Moment moment)
{
    private readonly List<MachineEffect> _effects = [];
    private readonly Queue<MachineEvent.Request> _held = new();
    private MachineRecord? _record = before.Record;
    private ImmutableArray<ImageDigest> _digests = before.Digests;

    internal MachinePhase Phase { get; private set; } = before.Phase;

    /// <summary>As <see cref="MachineLife.Updates"/>.</summary>
    internal ImmutableArray<MachineEvent.UpdateRequested> Updates { get; set; } = before.Updates;

    /// <summary>There is one in every phase but <see cref="MachinePhase.Unreadable"/>.</summary>
    internal MachineRecord Record => _record!;

    internal bool HasRecord => _record is not null;

    internal string Name => _record?.Name ?? before.Id;

    internal Moment Moment => moment;

    internal void Become(MachinePhase phase) => Phase = phase;

    internal void Do(MachineEffect effect) => _effects.Add(effect);

    internal void SetTimer(TimerKind kind, TimeSpan after, long request = 0) => Do(new MachineEffect.SetTimer(new(kind, request), after));

    internal void CancelTimer(TimerKind kind, long request = 0) => Do(new MachineEffect.CancelTimer(new(kind, request)));

    /// <summary>Changes the record without writing it: the next save has it.</summary>
    internal void Remember(MachineRecord record) => _record = record;

    /// <summary>Changes the record and writes it.</summary>
    internal void Save(MachineRecord record)
    {
        _record = record with { Seq = record.Seq + 1 };
        Do(new MachineEffect.Save(_record));
    }

    internal void SetDigests(ImmutableArray<ImageDigest> digests) => _digests = digests;

    internal void Answer(long request, bool changed) => Answer(request, new Outcome.Done(changed));

    internal void Answer(long request, Outcome outcome)
    {
        // A halt that an earlier daemon accepted has no caller any more.
        if (request != 0)
            Do(new MachineEffect.Answer(request, outcome is Outcome.Refused { Refusal: var refusal } ? new Outcome.Refused(refusal with { Metadata = refusal.Metadata.SetItem("machine", Name) }) : outcome));
    }

    internal void Refuse(long request, VmHostError error, string message) => Refuse(request, new Refusal(error, message));

    internal void Refuse(long request, Refusal refusal) => Answer(request, new Outcome.Refused(refusal));

    internal void RefuseAll(ImmutableArray<Waiter> waiters, VmHostError error, string message)
    {
        foreach (var waiter in waiters)
            Refuse(waiter.Id, error, message);
    }

    /// <summary>Requests that came too early are dispatched again once this event is.</summary>
    internal void Release(ImmutableArray<MachineEvent.Request> held)
    {
        foreach (var request in held)
            _held.Enqueue(request);
    }

    internal bool TryTakeHeld([NotNullWhen(true)] out MachineEvent.Request? held) => _held.TryDequeue(out held);

    internal void Publish(HostEventKind kind, HaltStep haltStep = HaltStep.None, string detail = "") =>
        Do(new MachineEffect.Publish(EventOf(kind) with { Step = haltStep, Detail = detail }));

    /// <summary>An event for which this phase has no rule; that must be listed with its reason.</summary>
    internal void Ignore(MachineEvent happened)
    {
        if (IgnoredEvents.ReasonFor(Phase, happened) is null)
            throw new InvalidOperationException($"no rule for {happened.GetType().Name} in {Phase.GetType().Name}");
    }

    internal Step ToStep()
    {
        var life = before with { Record = _record, Phase = Phase, Digests = _digests, Updates = Updates };
        var effects = ImmutableArray.CreateBuilder<MachineEffect>(_effects.Count + 1);

        // What is published and answered is on disk before.
        effects.AddRange(_effects.Where(static effect => effect is MachineEffect.Save));
        if (StateChange(life) is { } change)
            effects.Add(new MachineEffect.Publish(change));
        effects.AddRange(_effects.Where(static effect => effect is not MachineEffect.Save));
        return new(life, effects.DrainToImmutable());
    }

    private HostEvent? StateChange(MachineLife after)
    {
        var exit = ReferenceEquals(before.Record?.LastExit, after.Record?.LastExit) ? null : after.Record?.LastExit;

        // The steps of a halt have events of their own.
        var isNews = before.Phase.State != after.Phase.State || exit is not null
            || (before.Phase.Detail != after.Phase.Detail && after.Phase is not MachinePhase.Stopping);
        return isNews && after.Phase is not MachinePhase.Deleted
            ? EventOf(HostEventKind.MachineState) with
            {
                Detail = after.Phase.Detail,
                Exit = exit is null ? null : new(exit.Reason, exit.Expected, exit.Code, exit.Signal, exit.Fault),
            }
            : null;
    }

    private HostEvent EventOf(HostEventKind kind) =>
        new() { Kind = kind, MachineId = before.Id, Machine = Name, State = Phase.State, Boot = _record?.Boot?.Number ?? 0, Labels = _record?.Labels };
}
