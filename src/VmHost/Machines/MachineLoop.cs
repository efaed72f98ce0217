using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using VmHost.Machines.Life;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>Does what a machine asks for.</summary>
internal interface IMachineWorld
{
    /// <summary>
    /// Begins an effect and returns at once. Effects begin in the order of the calls, and a save is over before those behind it
    /// begin. Results are posted to the loop.
    /// </summary>
    void Begin(MachineEffect effect, MachineLoop loop);
}

/// <summary>
/// The only code that changes a machine: takes an event, applies <see cref="MachineLife.Next"/>, publishes the snapshot and
/// begins the effects. It never waits for one, so that a kill always gets through; and nothing ends it but the daemon's stop.
/// </summary>
/// <param name="life">To begin with.</param>
/// <param name="world">Does what the machine asks for.</param>
/// <param name="time">The clock.</param>
/// <param name="jitter">0 up to 1, another one each time.</param>
/// <param name="logger">Gets each failure of the loop itself.</param>
/// <param name="rules">In place of <see cref="MachineLife.Next"/>, for tests that change them; null for the real ones.</param>
internal sealed partial class MachineLoop(
    MachineLife life, IMachineWorld world, TimeProvider time, Func<double> jitter, ILogger logger, Func<MachineLife, MachineEvent, Moment, Step>? rules = null)
{
    /// <summary>Requests that may be unanswered at once, those included that a rule keeps until something happens.</summary>
    internal const int MaxUnanswered = 1024;

    private readonly Func<MachineLife, MachineEvent, Moment, Step> _rules = rules ?? (static (now, happened, moment) => now.Next(happened, moment));
    private readonly Mailbox _mailbox = new();
    private readonly ConcurrentDictionary<long, TaskCompletionSource<Outcome>> _unanswered = new();
    private long _lastRequest;

    // The loop's own.
    private readonly Dictionary<TimerName, ITimer> _timers = [];
    private MachineLife _life = life;

    // Swapped whole, so that it is read without waiting for the loop.
    private volatile MachineSnapshot _snapshot = MachineSnapshot.Of(life);
    private volatile TaskCompletionSource _changed = NewSignal();

    /// <summary>The machine as it is now.</summary>
    internal MachineSnapshot Snapshot => _snapshot;

    /// <summary>What the loop works on, for a look that may be late by an event.</summary>
    internal MachineLife Life => _life;

    /// <summary>Asks for something.</summary>
    /// <param name="request">Makes the request from its id.</param>
    /// <returns>The answer, which comes exactly once.</returns>
    internal Task<Outcome> AskAsync(Func<long, MachineEvent.Request> request)
    {
        var id = Interlocked.Increment(ref _lastRequest);
        var answer = new TaskCompletionSource<Outcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var isFull = _unanswered.Count >= MaxUnanswered;
        _unanswered[id] = answer;
        if (isFull || !_mailbox.TryPost(request(id)))
        {
            Complete(id, new Outcome.Refused(_snapshot.IsDeleted
                ? new(VmHostError.NotFound, $"machine {_snapshot.Name} was deleted")
                : new(VmHostError.ResourceExhausted, $"too many requests wait for machine {_snapshot.Name} already; try again later") { Reason = ErrorReason.RequestLimit }));
        }

        return answer.Task;
    }

    /// <summary>Reports an observation.</summary>
    internal void Post(MachineEvent observation) => _mailbox.Post(observation);

    /// <summary>Delivers the answer to a request.</summary>
    internal void Complete(long request, Outcome outcome)
    {
        if (_unanswered.TryRemove(request, out var answer))
            answer.SetResult(outcome);
    }

    /// <summary>Deals with one event. Never throws.</summary>
    /// <returns>False when there was none.</returns>
    internal bool TryStep()
    {
        if (!_mailbox.TryTake(out var happened, out var timer))
            return false;

        if (happened is MachineEvent.TimerDue due && timer is not null)
        {
            // One that was cancelled or replaced after it expired.
            if (!_timers.TryGetValue(due.Timer, out var current) || current != timer)
                return true;

            CancelTimer(due.Timer);
        }

        try
        {
            Apply(happened);
        }
        catch (Exception e)
        {
            Recover(e, happened);
        }

        return true;
    }

    /// <summary>Deals with all events, until the machine is deleted or the loop is called off.</summary>
    internal async Task RunAsync(CancellationToken ct)
    {
        do
        {
            await _mailbox.WaitAsync(ct);
            TryStep();
        }
        while (!_snapshot.IsDeleted || !_mailbox.TryClose());

        foreach (var timer in _timers.Values)
            await timer.DisposeAsync();
    }

    /// <summary>Returns the first snapshot that fulfils a condition.</summary>
    internal async Task<MachineSnapshot> WaitForAsync(Func<MachineSnapshot, bool> condition, CancellationToken ct)
    {
        while (true)
        {
            var changed = _changed.Task;
            var snapshot = _snapshot;
            if (condition(snapshot))
                return snapshot;

            await changed.WaitAsync(ct);
        }
    }

    private void Apply(MachineEvent happened)
    {
        var step = _rules(_life, happened, new(time.GetUtcNow(), jitter()));
        if (step.Life != _life)
            Show(step.Life);

        foreach (var effect in step.Effects)
            Begin(effect);
    }

    private void Begin(MachineEffect effect)
    {
        switch (effect)
        {
            case MachineEffect.SetTimer set:
                SetTimer(set.Timer, set.After);
                break;
            case MachineEffect.CancelTimer cancel:
                CancelTimer(cancel.Timer);
                break;
            default:
                world.Begin(effect, this);
                break;
        }
    }

    private void Show(MachineLife changed)
    {
        _life = changed;
        _snapshot = MachineSnapshot.Of(changed);
        var signal = _changed;
        _changed = NewSignal();
        signal.SetResult();
    }

    // A defect of VmHost. The machine itself is not affected; its state is determined again from the record and the world.
    private void Recover(Exception e, MachineEvent happened)
    {
        LogDefect(e, _snapshot.Name, happened.GetType().Name, _life.Phase.GetType().Name);
        foreach (var request in _unanswered.Keys.Where(request => !_mailbox.Holds(request)))
            Complete(request, new Outcome.Refused(new(VmHostError.Internal, $"an internal error of vmhostd, which is in its log; machine {_snapshot.Name} is examined again")));

        try
        {
            Apply(new MachineEvent.LoopFailed($"internal: {e.Message}"));
        }
        catch (Exception again)
        {
            LogDefect(again, _snapshot.Name, nameof(MachineEvent.LoopFailed), _life.Phase.GetType().Name);
            Show(_life with { Phase = new MachinePhase.Unknown($"internal: {again.Message}", _life.Phase.Live, null, []) });
            SetTimer(new(TimerKind.ExamineAgain), CommonRules.ExamineAgain);
        }
    }

    private void SetTimer(TimerName name, TimeSpan after)
    {
        CancelTimer(name);
        ITimer? timer = null;
        timer = time.CreateTimer(_ => _mailbox.Post(new MachineEvent.TimerDue(name), Volatile.Read(ref timer)), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timers[name] = timer;
        timer.Change(after, Timeout.InfiniteTimeSpan);
    }

    private void CancelTimer(TimerName name)
    {
        if (_timers.Remove(name, out var timer))
            timer.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Machine}: a defect: {Event} in {Phase} failed. The machine is examined again.")]
    private partial void LogDefect(Exception e, string machine, string @event, string phase);
}
