namespace VmHost.Client;

/// <summary>Console input that the daemon has not accepted yet, so that it can be sent again. Safe for use by several callers at once.</summary>
internal sealed class PendingInput
{
    // In bytes, from the caller. Beyond it a write waits.
    private const int Capacity = 1 << 20;

    // In bytes, that may be sent and not accepted: the daemon holds no more of it.
    private const int MaxSent = 32 << 10;

    // Guards all that follows.
    private readonly Lock _lock = new();
    private readonly List<byte> _bytes = [];
    private long _begin;
    private TaskCompletionSource _changed = NewSignal();

    /// <summary>Offset of the first byte that is not accepted.</summary>
    internal long Begin
    {
        get
        {
            lock (_lock)
                return _begin;
        }
    }

    /// <summary>Adds input; returns when it has its place.</summary>
    internal async Task AddAsync(ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_bytes.Count < Capacity)
                {
                    _bytes.AddRange(data.Span);
                    SignalLocked();
                    return;
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(ct);
        }
    }

    /// <summary>The input before an offset is done with.</summary>
    /// <returns>Whether there is more of it, which may be sent now.</returns>
    internal bool Accept(long offset)
    {
        lock (_lock)
        {
            if (offset <= _begin)
                return false;

            _bytes.RemoveRange(0, (int)Math.Min(offset - _begin, _bytes.Count));
            _begin = offset;
            SignalLocked();
            return _bytes.Count > 0;
        }
    }

    /// <summary>All of it is done with.</summary>
    internal void Discard()
    {
        lock (_lock)
        {
            _begin += _bytes.Count;
            _bytes.Clear();
            SignalLocked();
        }
    }

    /// <summary>The input from an offset on that may be sent now; empty for none.</summary>
    internal (long Offset, byte[] Data) From(long offset)
    {
        lock (_lock)
        {
            var from = Math.Max(offset, _begin);
            var skip = (int)(from - _begin);
            var count = Math.Min(_bytes.Count - skip, MaxSent - skip);
            return (from, count > 0 ? [.. _bytes.GetRange(skip, count)] : []);
        }
    }

    /// <summary>Returns when all input is done with.</summary>
    internal async Task EmptyAsync(CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_bytes.Count == 0)
                    return;

                changed = _changed.Task;
            }

            await changed.WaitAsync(ct);
        }
    }

    private void SignalLocked()
    {
        var signal = _changed;
        _changed = NewSignal();
        signal.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
