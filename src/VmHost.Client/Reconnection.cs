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

    /// <summary>The longest pause between two tries.</summary>
    internal static readonly TimeSpan MaxPause = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// A daemon that ends properly says UNAVAILABLE; one that is killed breaks the connection, which reads the same. While
    /// it is away, connecting fails in our own words, which gRPC calls INTERNAL; so it calls a connection that one side closed
    /// because the other was silent for too long, as after a sleep of the host.
    /// </summary>
    internal static bool IsInterruption(RpcException e) =>
        e.StatusCode == StatusCode.Unavailable
        || DaemonUnreachableException.Find(e) is { Reason: UnreachableReason.NoSocketFile or UnreachableReason.Refused or UnreachableReason.TimedOut }
        || (e.StatusCode == StatusCode.Internal && DaemonUnreachableException.Find(e) is null && IsBroken(e.Status.DebugException));

    private static bool IsBroken(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
        {
            if (e is IOException)
                return true;
        }

        return false;
    }

    /// <summary>
    /// True for an interruption of a call that had reached the daemon. Where nobody listens from the start there is
    /// nothing to wait for.
    /// </summary>
    internal static bool IsInterruptionOfReached(RpcException e) =>
        IsInterruption(e) && DaemonUnreachableException.Find(e) is null;

    /// <summary>Makes a call again until it reaches the daemon, which then may take as long as it likes.</summary>
    /// <exception cref="RpcException">As the call; UNAVAILABLE when the daemon was not reached within <paramref name="limit"/>.</exception>
    internal static async Task<T> WhenReachedAsync<T>(Func<Task<T>> call, TimeSpan limit, TimeProvider time, CancellationToken ct)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (RpcException e) when (IsInterruption(e))
            {
                if (time.GetElapsedTime(since) >= limit)
                    throw DidNotComeBack(limit);

                await Task.Delay(MaxPause, time, ct);
            }
        }
    }

    /// <summary>Makes a call that takes long, and makes it again when the daemon went away in between and came back.</summary>
    /// <param name="call">What was asked is asked again as it was.</param>
    /// <param name="quick">Finds out when it is back: the call itself has no limit of ours and must not get one.</param>
    /// <param name="limit">How long to try to reach it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="RpcException">As the call; UNAVAILABLE when the daemon did not come back in time.</exception>
    internal static async Task<T> AskAgainAsync<T, TQuick>(
        Func<Task<T>> call, Func<CancellationToken, Task<TQuick>> quick, TimeSpan limit, TimeProvider time, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (RpcException e) when (IsInterruptionOfReached(e))
            {
                await UntilReachedAsync(quick, limit, time, ct);

                // One that fails each time must not be made as fast as it fails.
                await Task.Delay(MaxPause, time, ct);
            }
        }
    }

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
                MaxDelay = MaxPause,
                MaxRetryAttempts = int.MaxValue,
            })
            .Build();
        try
        {
            return await untilReachable.ExecuteAsync(async token => await attempt(token), ct);
        }
        catch (TimeoutRejectedException)
        {
            throw DidNotComeBack(limit);
        }
    }

    private static RpcException DidNotComeBack(TimeSpan limit) =>
        new(new(StatusCode.Unavailable, $"the daemon went away and did not come back within {limit.TotalSeconds:0} s; machines go on"));
}
