namespace VmHost.LinuxKit.Registries;

/// <summary>A registry may be slow for as long as it likes, but not silent.</summary>
internal static class StallLimit
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <exception cref="TimeoutException">Nothing came in a minute.</exception>
    internal static async Task<T> WithinAsync<T>(Func<CancellationToken, Task<T>> wait, TimeProvider time, CancellationToken ct)
    {
        using var over = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, ct);
        try
        {
            return await wait(either.Token);
        }
        catch (OperationCanceledException e) when (over.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new TimeoutException($"not a byte came in {Limit.TotalSeconds} s", e);
        }
    }
}
