using System.Globalization;

namespace VmHost.Chaos;

/// <summary>What was done and what went wrong. Safe for use by several scenarios at once.</summary>
internal sealed class Tally
{
    // Guards all that follows.
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, int> _faults = new(StringComparer.Ordinal);
    private readonly List<double> _recoveries = [];
    private int _violations;
    private long _bytes;

    internal int Violations
    {
        get
        {
            lock (_lock)
                return _violations;
        }
    }

    internal long ComparedBytes
    {
        get
        {
            lock (_lock)
                return _bytes;
        }
    }

    internal int Faults
    {
        get
        {
            lock (_lock)
                return _faults.Values.Sum();
        }
    }

    internal void Fault(string kind)
    {
        lock (_lock)
            _faults[kind] = _faults.GetValueOrDefault(kind) + 1;
    }

    internal void Compared(long bytes)
    {
        lock (_lock)
            _bytes += bytes;
    }

    /// <summary>From the kill of a daemon to the first answer of the next.</summary>
    internal void Recovered(TimeSpan time)
    {
        lock (_lock)
            _recoveries.Add(time.TotalMilliseconds);
    }

    internal void Violation(string rule, string what)
    {
        lock (_lock)
        {
            _violations++;
            Console.WriteLine($"VIOLATION of {rule}: {what}");
        }
    }

    internal void Print(TimeSpan took)
    {
        lock (_lock)
        {
            foreach (var (kind, count) in _faults)
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {count,7}  {kind}"));

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_bytes} bytes of console compared with what the guests wrote; {took.TotalMinutes:0.0} minutes"));
            if (_recoveries.Count > 0)
            {
                _recoveries.Sort();
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"from a daemon's kill to the next one's first answer: median {At(0.5):0} ms, 99 % within {At(0.99):0} ms, all within {_recoveries[^1]:0} ms"));
            }
        }

        double At(double part) => _recoveries[(int)(part * (_recoveries.Count - 1))];
    }
}
