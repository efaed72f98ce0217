namespace VmHost.Cli;

/// <summary>
/// Tells a repetition of a signal from a new one. GNU timeout sends SIGTERM to its child and then to the child's process group, so the child
/// gets two within a millisecond; a person or a service manager that means it sends the second one later.
/// </summary>
/// <param name="time">The clock; only its timestamps are read, which do not jump.</param>
internal sealed class RepeatedSignals(TimeProvider time)
{
    /// <summary>Signals that arrive sooner than this after the last counted one are repetitions.</summary>
    internal static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    private long? _counted;

    /// <summary>Counts a signal that arrives now. Callers take turns.</summary>
    /// <returns>False if it repeats the last counted one, and is to be ignored.</returns>
    internal bool Counts()
    {
        var now = time.GetTimestamp();
        if (_counted is { } last && time.GetElapsedTime(last, now) < Window)
            return false;

        _counted = now;
        return true;
    }
}
