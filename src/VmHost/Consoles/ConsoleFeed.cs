namespace VmHost.Consoles;

/// <summary>
/// Where a machine's console journal ends and whether it can grow: what followers wait on. It holds no data; every
/// reader is a cursor into the journal, so a slow one costs nobody anything.
/// </summary>
public sealed class ConsoleFeed
{
    // Guards the two fields that follow.
    private readonly Lock _lock = new();
    private State _state = new(0, Live: false);
    private TaskCompletionSource _changed = NewSignal();
    private long _bootBegin;

    /// <summary>The journal's directory.</summary>
    public string Directory { get; }

    /// <summary>A feed of the journal in <paramref name="directory"/>, at rest.</summary>
    public ConsoleFeed(string directory) => Directory = directory;

    /// <summary>Whether more output may come.</summary>
    public bool IsLive => Current.State.Live;

    /// <summary>Where the output of the boot begins that runs or ran last; 0 when none did since the daemon started.</summary>
    internal long BootBegin => Volatile.Read(ref _bootBegin);

    /// <summary>What is now, and a task that ends with the next change.</summary>
    internal (State State, Task Changed) Current
    {
        get
        {
            lock (_lock)
                return (_state, _changed.Task);
        }
    }

    internal void BeginBoot(long begin)
    {
        Volatile.Write(ref _bootBegin, begin);
        SetLive(true);
    }

    internal void SetLive(bool live) => Change(state => state with { Live = live });

    internal void Grow(long end) => Change(state => state with { End = Math.Max(state.End, end) });

    private void Change(Func<State, State> change)
    {
        TaskCompletionSource signal;
        lock (_lock)
        {
            _state = change(_state);
            (signal, _changed) = (_changed, NewSignal());
        }

        signal.SetResult();
    }

    // Readers go on in threads of their own, not in the one that brought the news.
    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal sealed record State(long End, bool Live);
}
