namespace VmHost.Simulation.Daemon;

/// <summary>Work of one kind, one after the other, as SerialWork does it.</summary>
internal sealed class WorkQueue
{
    private readonly Queue<Work> _work = new();

    internal bool IsEmpty => _work.Count == 0;

    internal Work? First => _work.TryPeek(out var first) ? first : null;

    internal void Add(Work work) => _work.Enqueue(work);

    internal void RemoveDone()
    {
        while (_work.TryPeek(out var first) && first.Done)
            _work.Dequeue();
    }
}
