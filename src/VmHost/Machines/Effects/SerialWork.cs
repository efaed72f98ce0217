namespace VmHost.Machines.Effects;

/// <summary>Work of one kind that is done one after the other, in the order in which it was asked for.</summary>
/// <param name="background">Runs it.</param>
internal sealed class SerialWork(BackgroundTasks background)
{
    // Guards _last.
    private readonly Lock _lock = new();
    private Task _last = Task.CompletedTask;

    /// <summary>Completes when all that was asked for so far is done; never faults.</summary>
    internal Task Last
    {
        get
        {
            lock (_lock)
                return _last;
        }
    }

    /// <summary>As <see cref="Enqueue"/>, for a caller who does not wait.</summary>
    internal void Post(string name, Func<Task> work, Action<Exception>? failed = null) => _ = Enqueue(name, work, failed);

    /// <summary>Begins when all before it is done.</summary>
    /// <param name="name">What it is, for the log.</param>
    /// <param name="work">The work.</param>
    /// <param name="failed">Called with what the work threw; must not throw.</param>
    /// <returns>Completes when it is done, whatever came of it; never faults.</returns>
    internal Task Enqueue(string name, Func<Task> work, Action<Exception>? failed = null)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task before;
        lock (_lock)
            (before, _last) = (_last, done.Task);

        background.Run(
            name,
            async () =>
            {
                await before;
                try
                {
                    await work();
                }
                finally
                {
                    done.SetResult();
                }
            },
            failed);
        return done.Task;
    }
}
