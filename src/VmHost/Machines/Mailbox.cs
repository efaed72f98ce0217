using System.Diagnostics.CodeAnalysis;
using VmHost.Machines.Life;

namespace VmHost.Machines;

/// <summary>
/// What a machine's loop has still to deal with, in order. Bounded: requests by a limit at which they are refused,
/// observations by having one slot each. An observation that waits already is not queued twice, since it only says "look", and
/// each effect has one result. Safe for use by several callers at once.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore has no wait handle to free, and a mailbox lives as long as its machine.")]
internal sealed class Mailbox
{
    /// <summary>Requests that may wait at once.</summary>
    internal const int MaxRequests = 256;

    // Guards the four that follow.
    private readonly Lock _lock = new();
    private readonly Queue<Entry> _queue = new();
    private readonly HashSet<Entry> _waiting = [];
    private int _requests;
    private bool _isClosed;

    // Counts what is in the queue.
    private readonly SemaphoreSlim _filled = new(0);

    /// <summary>Returns false when it is full, or closed.</summary>
    internal bool TryPost(MachineEvent.Request request)
    {
        lock (_lock)
        {
            if (_isClosed || _requests >= MaxRequests)
                return false;

            _requests++;
            _queue.Enqueue(new(request, null));
        }

        _filled.Release();
        return true;
    }

    /// <summary>Puts an observation in; it is never refused.</summary>
    /// <param name="observation">Equal ones that wait count as one.</param>
    /// <param name="timer">The timer that it comes from; null for none.</param>
    internal void Post(MachineEvent observation, object? timer = null)
    {
        lock (_lock)
        {
            var entry = new Entry(observation, timer);
            if (_isClosed || !_waiting.Add(entry))
                return;

            _queue.Enqueue(entry);
        }

        _filled.Release();
    }

    internal bool TryTake([NotNullWhen(true)] out MachineEvent? happened, out object? timer)
    {
        lock (_lock)
        {
            var taken = _queue.TryDequeue(out var entry);
            if (taken && entry.Event is MachineEvent.Request)
                _requests--;
            else if (taken)
                _waiting.Remove(entry);

            (happened, timer) = (entry.Event, entry.Timer);
            return taken;
        }
    }

    /// <summary>Returns when something is in it; to be followed by one <see cref="TryTake"/>.</summary>
    internal Task WaitAsync(CancellationToken ct) => _filled.WaitAsync(ct);

    /// <summary>Whether a request waits in it.</summary>
    internal bool Holds(long request)
    {
        lock (_lock)
            return _queue.Any(entry => entry.Event is MachineEvent.Request waiting && waiting.Id == request);
    }

    /// <summary>Lets nothing in any more; only an empty one can be closed.</summary>
    internal bool TryClose()
    {
        lock (_lock)
            return _isClosed = _queue.Count == 0;
    }

    private readonly record struct Entry(MachineEvent Event, object? Timer);
}
