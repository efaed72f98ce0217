using System.Globalization;

namespace VmHost.Chaos;

/// <summary>
/// What a time limit is worth on a host that has more to do than processors: this program floods it on purpose, and others
/// may build beside it. A limit is told for a free processor and grows with the load of the last minute on each; what hangs
/// passes it all the same.
/// </summary>
internal static class Patience
{
    internal static TimeSpan Of(TimeSpan onFreeProcessor) => onFreeProcessor * Math.Max(1, Load() / Environment.ProcessorCount);

    private static double Load() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);
}
