using VmHost.ShimContract.Journal;

namespace VmHost.Consoles;

/// <summary>
/// Where a machine's console journal ends and whether it can grow: what followers wait on. It holds no data; every
/// reader is a cursor into the journal, so a slow one costs nobody anything.
/// </summary>
public sealed class ConsoleFeed
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    // Guards the three fields that follow.
    private readonly Lock _lock = new();
    private State _state = new(0, Live: false);
    private TaskCompletionSource _changed = NewSignal();
    private long _lookedAt;

    // Swapped whole.
    private volatile ConsoleBoot _boot = new(0, 0);

    /// <summary>The journal's directory.</summary>
    public string Directory { get; }

    /// <summary>A feed of the journal in <paramref name="directory"/>, at rest.</summary>
    public ConsoleFeed(string directory) => Directory = directory;

    /// <summary>Whether more output may come.</summary>
    public bool IsLive => Current.State.Live;

    /// <summary>The boot that runs or ran last; number 0 when none did since the daemon started.</summary>
    internal ConsoleBoot Boot => _boot;

    /// <summary>What is now, and a task that ends with the next change.</summary>
    internal (State State, Task Changed) Current
    {
        get
        {
            lock (_lock)
                return (_state, _changed.Task);
        }
    }

    internal void BeginBoot(ConsoleBoot boot)
    {
        _boot = boot;
        SetLive(true);
    }

    /// <summary>Looks at the files themselves, should news have got lost; once a second, however many ask.</summary>
    /// <exception cref="IOException">The journal cannot be read.</exception>
    internal void Look(TimeProvider time)
    {
        lock (_lock)
        {
            if (_lookedAt != 0 && time.GetElapsedTime(_lookedAt) < LookEvery)
                return;

            _lookedAt = time.GetTimestamp();
        }

        if (System.IO.Directory.Exists(Directory) && JournalReader.Bounds(Directory).End is var end && end > Current.State.End)
            Grow(end);
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

/// <summary>A boot of a machine.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Begin">Where its output begins.</param>
internal sealed record ConsoleBoot(int Number, long Begin);
