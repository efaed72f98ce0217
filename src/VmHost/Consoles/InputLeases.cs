namespace VmHost.Consoles;

/// <summary>
/// Grants the console's input to one client at a time. The daemon's memory only: after its restart there is no lease, and clients
/// acquire theirs again by their token. Safe for use by several callers at once.
/// </summary>
/// <param name="time">The clock.</param>
public sealed class InputLeases(TimeProvider time)
{
    // Guards the two that follow.
    private readonly Lock _lock = new();
    private ConsoleInputLease? _current;
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>The lease in force, null for none; and a task that completes at the next change.</summary>
    public (ConsoleInputLease? Lease, Task Changed) Current
    {
        get
        {
            lock (_lock)
                return (_current, _changed.Task);
        }
    }

    /// <summary>Grants the input to the caller until it is released or taken.</summary>
    /// <param name="holder">Name of the caller, for people.</param>
    /// <param name="token">Identifies the caller when it comes back: a lease of the same token is replaced.</param>
    /// <param name="force">Take the input from its holder.</param>
    /// <param name="lease">The caller's; the holder's if this returns false.</param>
    public bool TryAcquire(string holder, string token, bool force, out ConsoleInputLease lease)
    {
        lock (_lock)
        {
            if (_current is { } other && other.Token != token && !force)
            {
                lease = other;
                return false;
            }

            lease = new ConsoleInputLease(holder, token, time.GetUtcNow());
            SetLocked(lease);
            return true;
        }
    }

    /// <summary>Releases a lease. Does nothing if it was taken.</summary>
    public void Release(ConsoleInputLease lease)
    {
        lock (_lock)
        {
            if (_current == lease)
                SetLocked(null);
        }
    }

    private void SetLocked(ConsoleInputLease? lease)
    {
        _current = lease;
        var signal = _changed;
        _changed = NewSignal();
        signal.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
