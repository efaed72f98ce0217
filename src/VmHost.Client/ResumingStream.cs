using System.Runtime.CompilerServices;
using Grpc.Core;

namespace VmHost.Client;

/// <summary>A stream of the daemon that is opened again when the daemon goes away and comes back.</summary>
/// <param name="time">The clock.</param>
/// <param name="giveUpAfter">How long to try to reach a daemon that went away.</param>
/// <param name="onInterrupted">Called when it went away and is waited for.</param>
/// <param name="wasReached">It was there a moment ago, so it is waited for also when it is not at the first call.</param>
internal sealed class ResumingStream(TimeProvider time, TimeSpan giveUpAfter, Action? onInterrupted, bool wasReached = false)
{
    /// <summary>All messages, of one call after the other.</summary>
    /// <param name="open">
    /// Begins a call, behind the last message that was given. The daemon sends its headers once it has looked at the request.
    /// </param>
    /// <param name="ct">Ends the stream.</param>
    /// <exception cref="RpcException">As the call; UNAVAILABLE when the daemon did not come back in time.</exception>
    internal async IAsyncEnumerable<T> ReadAsync<T>(
        Func<CancellationToken, AsyncServerStreamingCall<T>> open, [EnumeratorCancellation] CancellationToken ct)
    {
        var call = open(ct);
        var came = true;
        try
        {
            while (true)
            {
                bool more;
                try
                {
                    more = await call.ResponseStream.MoveNext(ct);
                }
                catch (RpcException e) when (wasReached ? Reconnection.IsInterruption(e) : Reconnection.IsInterruptionOfReached(e))
                {
                    onInterrupted?.Invoke();
                    call.Dispose();

                    // One that breaks each time must not be opened as fast as it breaks.
                    if (!came)
                        await Task.Delay(Reconnection.MaxPause, time, ct);
                    came = false;
                    call = await Reconnection.UntilReachedAsync(attempt => ReopenAsync(open, ct, attempt), giveUpAfter, time, ct);
                    continue;
                }

                if (!more)
                    yield break;

                came = true;
                yield return call.ResponseStream.Current;
            }
        }
        finally
        {
            call.Dispose();
        }
    }

    /// <param name="open">Begins a call.</param>
    /// <param name="reading">Ends the stream.</param>
    /// <param name="attempt">Ends the attempt.</param>
    private static async Task<AsyncServerStreamingCall<T>> ReopenAsync<T>(
        Func<CancellationToken, AsyncServerStreamingCall<T>> open, CancellationToken reading, CancellationToken attempt)
    {
        var call = open(reading);
        try
        {
            await call.ResponseHeadersAsync.WaitAsync(attempt);
            return call;
        }
        catch
        {
            call.Dispose();
            throw;
        }
    }
}
