namespace VmHost.TestKit;

/// <summary>Waits for what gives no signal of its own, with a limit far beyond what it takes.</summary>
public static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    public static Task TrueAsync(Func<bool> condition, string what) =>
        TrueAsync(() => Task.FromResult(condition()), what);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what)
    {
        var since = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(since) > Limit)
                throw new TimeoutException($"after {Limit.TotalSeconds} s it is still not so: {what}");

            await Task.Delay(Look, TimeProvider.System, CancellationToken.None);
        }
    }
}
