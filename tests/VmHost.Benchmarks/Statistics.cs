namespace VmHost.Benchmarks;

internal static class Statistics
{
    internal static double Median(IEnumerable<double> values) => Quartiles(values)[1];

    /// <summary>Lower quartile, median, upper quartile, interpolated between neighbours.</summary>
    internal static double[] Quartiles(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return [At(sorted, 0.25), At(sorted, 0.5), At(sorted, 0.75)];
    }

    private static double At(double[] sorted, double part)
    {
        var position = part * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + ((sorted[above] - sorted[below]) * (position - below));
    }
}
