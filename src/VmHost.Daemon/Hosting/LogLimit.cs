namespace VmHost.Daemon.Hosting;

/// <summary>Bounds how often a message is logged that clients can cause. Safe for use by several callers at once.</summary>
/// <param name="interval">The least time between two messages.</param>
/// <param name="time">The clock.</param>
internal sealed class LogLimit(TimeSpan interval, TimeProvider time)
{
    private readonly Lock _lock = new();
    private long? _last;
    private int _omitted;

    /// <summary>Returns true if the message may be logged now.</summary>
    /// <param name="omitted">The number of messages since the last one that were not logged.</param>
    internal bool TryTake(out int omitted)
    {
        lock (_lock)
        {
            omitted = _omitted;
            if (_last is { } last && time.GetElapsedTime(last) < interval)
            {
                _omitted++;
                return false;
            }

            (_last, _omitted) = (time.GetTimestamp(), 0);
            return true;
        }
    }
}
