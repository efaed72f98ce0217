namespace VmHost.Simulation;

/// <summary>
/// A sequence of random numbers that depends on its seed alone, on every machine and with every version of .NET (SplitMix64).
/// </summary>
internal sealed class Dice(long seed)
{
    private ulong _state = unchecked((ulong)seed * 0x9E3779B97F4A7C15UL);

    /// <summary>0 up to, and without, the limit.</summary>
    internal int Next(int limit) => (int)((NextBits() >> 11) % (ulong)limit);

    /// <summary>0 up to, and without, 1.</summary>
    internal double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>True in this share of the calls.</summary>
    internal bool Chance(double share) => NextDouble() < share;

    internal T Pick<T>(params ReadOnlySpan<T> items) => items[Next(items.Length)];

    private ulong NextBits()
    {
        var bits = unchecked(_state += 0x9E3779B97F4A7C15UL);
        bits = unchecked((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9UL);
        bits = unchecked((bits ^ (bits >> 27)) * 0x94D049BB133111EBUL);
        return bits ^ (bits >> 31);
    }
}
