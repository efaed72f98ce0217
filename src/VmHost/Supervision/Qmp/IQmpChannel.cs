namespace VmHost.Supervision.Qmp;

/// <summary>Takes a line of the monitor, in the order in which they come. The line is valid until the call returns.</summary>
internal delegate void QmpLineHandler(ReadOnlyMemory<byte> line);

/// <summary>A way to QEMU's monitor on which capabilities have been negotiated. Lines come until it is closed.</summary>
internal interface IQmpChannel : IAsyncDisposable
{
    /// <summary>Completes when no more lines come; never faults.</summary>
    Task Closed { get; }

    /// <summary>Sends one request, a whole JSON object. If it is cancelled, the channel is closed: a half request spoils the next.</summary>
    /// <exception cref="IOException">It could not be sent.</exception>
    Task SendAsync(ReadOnlyMemory<byte> request, CancellationToken ct);
}
