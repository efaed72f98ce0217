namespace VmHost.ShimContract.Journal;

/// <summary>The newest bytes that could not be written yet, in a ring of fixed size; older ones are dropped and counted.</summary>
/// <param name="capacity">In bytes.</param>
internal sealed class ReplayBuffer(int capacity)
{
    private byte[]? _bytes;
    private int _start;
    private int _count;

    /// <summary>Bytes that are held.</summary>
    internal int Count => _count;

    /// <summary>Bytes dropped before those that are held.</summary>
    internal long Dropped { get; private set; }

    internal void ForgetDropped() => Dropped = 0;

    internal void Add(ReadOnlySpan<byte> data)
    {
        // Made when first needed: most machines never meet a full disk.
        _bytes ??= new byte[capacity];

        if (data.Length > capacity)
        {
            Dropped += data.Length - capacity;
            data = data[^capacity..];
        }

        var excess = _count + data.Length - capacity;
        if (excess > 0)
        {
            Dropped += excess;
            Remove(excess);
        }

        var end = (_start + _count) % capacity;
        var first = Math.Min(data.Length, capacity - end);
        data[..first].CopyTo(_bytes.AsSpan(end));
        data[first..].CopyTo(_bytes);
        _count += data.Length;
    }

    /// <summary>The oldest held bytes that lie together; empty when none are held.</summary>
    internal ReadOnlySpan<byte> Peek() =>
        _count == 0 ? [] : _bytes.AsSpan(_start, Math.Min(_count, capacity - _start));

    internal void Remove(int count)
    {
        _start = (_start + count) % capacity;
        _count -= count;
    }
}
