using System.Runtime.CompilerServices;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>Events that go on where they were when the daemon is restarted in between: none is lost and none comes twice.</summary>
/// <param name="events">The service.</param>
/// <param name="time">The clock.</param>
public sealed class ResumingEvents(EventService.EventServiceClient events, TimeProvider time)
{
    /// <summary>How long to try to reach a daemon that went away. Default 10 s.</summary>
    public TimeSpan GiveUpAfter { get; init; } = Reconnection.DefaultLimit;

    /// <summary>Called when the daemon went away and is waited for.</summary>
    public Action? OnInterrupted { get; init; }

    /// <summary>What <paramref name="request"/> asks for.</summary>
    /// <param name="request">Not changed.</param>
    /// <param name="ct">Ends the stream.</param>
    /// <exception cref="RpcException">As WatchEvents; UNAVAILABLE when the daemon did not come back in time.</exception>
    public async IAsyncEnumerable<WatchEventsResponse> ReadAsync(WatchEventsRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        var current = request.Clone();
        var call = events.WatchEvents(current, cancellationToken: ct);
        try
        {
            while (true)
            {
                bool more;
                try
                {
                    more = await call.ResponseStream.MoveNext(ct);
                }
                catch (RpcException e) when (Reconnection.IsInterruptionOfReached(e))
                {
                    OnInterrupted?.Invoke();
                    call.Dispose();
                    call = await Reconnection.UntilReachedAsync(token => ReopenAsync(current, ct, token), GiveUpAfter, time, ct);
                    continue;
                }

                if (!more)
                    yield break;

                // Until all machines have come they are asked for again: half of them are of no use.
                var response = call.ResponseStream.Current;
                if (response.KindCase != WatchEventsResponse.KindOneofCase.Machine)
                    current.AfterToken = response.Token;
                yield return response;
            }
        }
        finally
        {
            call.Dispose();
        }
    }

    /// <param name="request">Where to go on.</param>
    /// <param name="watching">Ends the stream.</param>
    /// <param name="opening">Ends the attempt.</param>
    private async Task<AsyncServerStreamingCall<WatchEventsResponse>> ReopenAsync(
        WatchEventsRequest request, CancellationToken watching, CancellationToken opening)
    {
        var call = events.WatchEvents(request, cancellationToken: watching);
        try
        {
            await call.ResponseHeadersAsync.WaitAsync(opening);
            return call;
        }
        catch
        {
            call.Dispose();
            throw;
        }
    }
}
