using Microsoft.Extensions.Logging;

namespace VmHost.Machines;

/// <summary>
/// The one place that starts work that no caller awaits. A failure is logged and reported, so that none is lost: a test
/// forbids discarded tasks elsewhere.
/// </summary>
/// <param name="logger">Gets each failure once.</param>
public sealed partial class BackgroundTasks(ILogger<BackgroundTasks> logger)
{
    /// <summary>Starts work on the thread pool.</summary>
    /// <param name="name">What it is, for the log.</param>
    /// <param name="work">The work.</param>
    /// <param name="failed">Called with what the work threw; must not throw. Null where the log is enough.</param>
    public void Run(string name, Func<Task> work, Action<Exception>? failed = null) => _ = Task.Run(() => ObserveAsync(name, work, failed));

    private async Task ObserveAsync(string name, Func<Task> work, Action<Exception>? failed)
    {
        try
        {
            await work();
        }
        catch (Exception e)
        {
            LogFailed(e, name);
            failed?.Invoke(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Background work failed: {Name}")]
    private partial void LogFailed(Exception e, string name);
}
