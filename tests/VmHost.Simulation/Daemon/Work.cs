namespace VmHost.Simulation.Daemon;

/// <summary>What a piece of work waits for.</summary>
/// <param name="Until">It can continue when this holds; null for at any time.</param>
/// <param name="Deadline">It continues then in any case.</param>
internal readonly record struct Wait(Func<bool>? Until, TimeSpan Deadline)
{
    /// <summary>Something else may come in between.</summary>
    internal static Wait Yield => new(null, TimeSpan.MaxValue);

    internal static Wait For(Func<bool> until) => new(until, TimeSpan.MaxValue);

    internal bool IsOver(TimeSpan now) => Until is null || now >= Deadline || Until();
}

/// <summary>Something that a daemon does step by step, as an async method would.</summary>
internal sealed class Work
{
    private readonly IEnumerator<Wait> _steps;
    private readonly Action<Exception>? _failed;

    /// <param name="name">For the trace.</param>
    /// <param name="steps">What it does.</param>
    /// <param name="failed">Called with what it threw.</param>
    internal Work(string name, IEnumerable<Wait> steps, Action<Exception>? failed = null)
    {
        (Name, _failed) = (name, failed);
        _steps = steps.GetEnumerator();
    }

    internal string Name { get; }

    internal Wait Wait { get; private set; } = Wait.Yield;

    internal bool Done { get; private set; }

    /// <summary>The code that does it could throw what it does not expect.</summary>
    internal bool CanFail => _failed is not null;

    internal bool CanStep(TimeSpan now) => !Done && Wait.IsOver(now);

    internal void Step()
    {
        if (_steps.MoveNext())
            Wait = _steps.Current;
        else
            Done = true;
    }

    /// <summary>It throws what no code expects.</summary>
    internal void Fail()
    {
        Done = true;
        _steps.Dispose();
        _failed?.Invoke(new InjectedException("injected"));
    }
}

/// <summary>A failure that the scheduler made.</summary>
internal sealed class InjectedException(string message) : Exception(message);
