using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Daemon.Api;

/// <summary>
/// The responses of an attachment, of which gRPC takes one at a time. Each carries how much input is done with; alone that is sent
/// only after a while, as the echo of a key is about to follow and would have to wait for it.
/// </summary>
/// <param name="inner">The stream.</param>
/// <param name="time">The clock.</param>
/// <param name="callEnd">Ends a write under way. Nothing else does: it would end the whole call with it.</param>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore's wait handle is never made.")]
internal sealed class AttachmentResponses(IServerStreamWriter<AttachConsoleResponse> inner, TimeProvider time, CancellationToken callEnd)
{
    private static readonly TimeSpan AcceptanceDelay = TimeSpan.FromMilliseconds(10);

    // Guards _reported and the stream.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly SemaphoreSlim _news = new(0, 1);
    private long _accepted;
    private long _reported;

    /// <summary>The input before an offset is done with.</summary>
    internal void Accept(long offset)
    {
        Volatile.Write(ref _accepted, offset);
        if (_news.CurrentCount == 0)
            Signal();
    }

    /// <summary>Sends a response.</summary>
    /// <param name="response">The response.</param>
    /// <param name="ct">Gives up before it is the response's turn.</param>
    internal async Task WriteAsync(AttachConsoleResponse response, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            response.InputOffset = _reported = Volatile.Read(ref _accepted);
            await inner.WriteAsync(response, callEnd);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Reports accepted input that no other response has reported.</summary>
    internal async Task ReportAcceptedAsync(CancellationToken ct)
    {
        while (true)
        {
            await _news.WaitAsync(ct);
            await Task.Delay(AcceptanceDelay, time, ct);
            if (Volatile.Read(ref _accepted) != Volatile.Read(ref _reported))
                await WriteAsync(new(), ct);
        }
    }

    private void Signal()
    {
        try
        {
            _news.Release();
        }
        catch (SemaphoreFullException)
        {
            // Another thread was faster, and one signal does.
        }
    }
}
