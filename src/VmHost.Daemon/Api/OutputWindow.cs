using VmHost.Consoles;

namespace VmHost.Daemon.Api;

/// <summary>Bounds the output that was sent to a client and that the client has not acknowledged.</summary>
/// <param name="size">In bytes; null for no bound.</param>
internal sealed class OutputWindow(long? size)
{
    // Guards the two that follow.
    private readonly Lock _lock = new();
    private long _acknowledged;
    private TaskCompletionSource _moved = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The most output in one response, in bytes.</summary>
    internal int MaxPart => (int)Math.Min(size ?? ConsoleReader.MaxChunk, ConsoleReader.MaxChunk);

    /// <summary>The output begins here.</summary>
    internal void Begin(long offset) => Acknowledge(offset);

    /// <summary>Returns when all output before a gap is acknowledged. The gap itself has no bytes that a client could acknowledge.</summary>
    internal async Task PassGapAsync(long begin, long end, CancellationToken ct)
    {
        await WaitAsync(begin, begin, ct);
        Begin(end);
    }

    /// <summary>The client has processed the output before an offset.</summary>
    internal void Acknowledge(long offset)
    {
        TaskCompletionSource moved;
        lock (_lock)
        {
            if (offset <= _acknowledged)
                return;

            _acknowledged = offset;
            (moved, _moved) = (_moved, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        moved.SetResult();
    }

    /// <summary>Returns when output up to an offset may be sent: all before it is acknowledged, or the window has room for it.</summary>
    /// <param name="begin">Offset of the output.</param>
    /// <param name="end">Offset after it.</param>
    /// <param name="ct">Gives up.</param>
    internal async Task WaitAsync(long begin, long end, CancellationToken ct)
    {
        if (size is null)
            return;

        while (true)
        {
            Task moved;
            lock (_lock)
            {
                if (begin <= _acknowledged || end - _acknowledged <= size)
                    return;

                moved = _moved.Task;
            }

            await moved.WaitAsync(ct);
        }
    }
}
