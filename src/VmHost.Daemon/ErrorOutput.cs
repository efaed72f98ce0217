namespace VmHost.Daemon;

/// <summary>Writes why the daemon does not start, or ended, to stderr.</summary>
internal static class ErrorOutput
{
    // Much longer than any reader needs.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    /// <summary>Writes a line. Gives up after a second: a full pipe without a reader must not keep the process alive.</summary>
    internal static async Task WriteLineAsync(string line)
    {
        try
        {
            // The console's own asynchronous methods block.
            await Task.Run(() => Console.Error.WriteLine(line)).WaitAsync(Limit, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            // There is no other place to report it; the exit code still does.
        }
    }
}
