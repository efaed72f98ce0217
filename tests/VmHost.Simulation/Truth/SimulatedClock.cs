namespace VmHost.Simulation.Truth;

/// <summary>
/// A clock that moves only when the scheduler says so. Unlike FakeTimeProvider it names the next moment at which something is
/// due, and the host's clock can be set apart from the one that timers use. A due timer expires when the scheduler picks it.
/// </summary>
internal sealed class SimulatedClock : TimeProvider
{
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<Timer> _timers = [];

    /// <summary>Since the beginning of the history.</summary>
    internal TimeSpan Elapsed { get; private set; }

    /// <summary>How far the host's clock was set apart.</summary>
    internal TimeSpan Offset { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>When the next timer is due; null where none is.</summary>
    internal TimeSpan? NextDue => _timers.Count == 0 ? null : _timers.Min(static timer => timer.Due);

    public override DateTimeOffset GetUtcNow() => Epoch + Elapsed + Offset;

    public override long GetTimestamp() => Elapsed.Ticks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    internal void Advance(TimeSpan by) => Elapsed += by;

    /// <summary>Lets the timer expire that was due first.</summary>
    /// <returns>False where none is due.</returns>
    internal bool TryFire()
    {
        Timer? first = null;
        foreach (var timer in _timers)
        {
            if (timer.Due <= Elapsed && (first is null || timer.Due < first.Due))
                first = timer;
        }

        if (first is null)
            return false;

        _timers.Remove(first);
        first.Fire();
        return true;
    }

    /// <summary>The timers of a daemon end with it.</summary>
    internal void ForgetTimers() => _timers.Clear();

    private sealed class Timer(SimulatedClock clock, TimerCallback callback, object? state) : ITimer
    {
        internal TimeSpan Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            clock._timers.Remove(this);
            if (dueTime == Timeout.InfiniteTimeSpan)
                return true;

            Due = clock.Elapsed + dueTime;
            clock._timers.Add(this);
            return true;
        }

        public void Dispose() => clock._timers.Remove(this);

        public ValueTask DisposeAsync()
        {
            clock._timers.Remove(this);
            return ValueTask.CompletedTask;
        }

        internal void Fire() => callback(state);
    }
}
