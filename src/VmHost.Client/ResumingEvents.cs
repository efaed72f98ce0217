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
        var stream = new ResumingStream(time, GiveUpAfter, OnInterrupted);
        await foreach (var response in stream.ReadAsync(token => events.WatchEvents(current, cancellationToken: token), ct))
        {
            // Until all machines have come they are asked for again: half of them are of no use.
            if (response.KindCase != WatchEventsResponse.KindOneofCase.Machine)
                current.AfterToken = response.Token;
            yield return response;
        }
    }
}
