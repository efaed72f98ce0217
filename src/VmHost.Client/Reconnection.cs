using Grpc.Core;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace VmHost.Client;

/// <summary>Tries again while a daemon is being restarted. Machines outlive it, so calls about them may as well.</summary>
internal static class Reconnection
{
    /// <summary>How long a daemon that went away is waited for where nothing else is said.</summary>
    internal static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A daemon that ends properly says UNAVAILABLE; one that is killed breaks the connection, which reads the same. While
    /// it is away, connecting fails in our own words, which gRPC calls INTERNAL.
    /// </summary>
    internal static bool IsInterruption(RpcException e) =>
        e.StatusCode == StatusCode.Unavailable
        || DaemonUnreachableException.Find(e) is { Reason: UnreachableReason.NoSocketFile or UnreachableReason.Refused or UnreachableReason.TimedOut };

    /// <summary>
    /// True for an interruption of a call that had reached the daemon. Where nobody listens from the start there is
    /// nothing to wait for.
    /// </summary>
    internal static bool IsInterruptionOfReached(RpcException e) =>
        IsInterruption(e) && DaemonUnreachableException.Find(e) is null;

    /// <summary>Runs <paramref name="attempt"/> until it reaches the daemon.</summary>
    /// <exception cref="RpcException">UNAVAILABLE when the daemon did not come back within <paramref name="limit"/>.</exception>
    internal static async Task<T> UntilReachedAsync<T>(
        Func<CancellationToken, Task<T>> attempt, TimeSpan limit, TimeProvider time, CancellationToken ct)
    {
        var untilReachable = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddTimeout(limit)
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<RpcException>(IsInterruption),
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromMilliseconds(50),
                MaxDelay = TimeSpan.FromMilliseconds(250),
                MaxRetryAttempts = int.MaxValue,
            })
            .Build();
        try
        {
            return await untilReachable.ExecuteAsync(async token => await attempt(token), ct);
        }
        catch (TimeoutRejectedException)
        {
            throw new RpcException(new(
                StatusCode.Unavailable, $"the daemon went away and did not come back within {limit.TotalSeconds:0} s; machines go on"));
        }
    }
}
