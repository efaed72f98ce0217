using System.Globalization;
using VmHost.Simulation;
using VmHost.TestKit;

namespace VmHost.Chaos;

/// <summary>Plays simulated histories of a machine, without any process: as many as are asked for, or one set for each mutation of the rules.</summary>
internal static class SimulationRun
{
    internal const string CountArgument = "--simulate";
    internal const string MutationsArgument = "--simulate-mutations";

    /// <summary>vmhost-chaos --simulate N [--seed S] | --simulate-mutations.</summary>
    internal static int Run(string[] args)
    {
        var begin = TimeProvider.System.GetTimestamp();
        return args[0] == MutationsArgument ? Mutate(begin) : Simulate(args, begin);
    }

    private static int Simulate(string[] args, long begin)
    {
        var count = long.Parse(args[1], CultureInfo.InvariantCulture);
        var seedAt = Array.IndexOf(args, "--seed");
        var seed = seedAt >= 0 ? long.Parse(args[seedAt + 1], CultureInfo.InvariantCulture) : Environment.TickCount64;
        var failures = Simulator.Run(seed, count);
        foreach (var failure in failures)
            Console.WriteLine(failure.Describe());

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{count} histories from seed {seed}, {failures.Count} failed, {TimeProvider.System.GetElapsedTime(begin).TotalSeconds:0} s"));
        return failures.Count == 0 ? 0 : 1;
    }

    private static int Mutate(long begin)
    {
        var listed = Mutations.ReadSurvivors(Path.Combine(Repository.Root, "tests/VmHost.Simulation/survivors.txt"));
        var results = Mutations.Run(Path.Combine(Repository.Root, "tests/golden/life.txt"));
        var survivors = results.Where(static result => result.Problem is null).ToArray();
        foreach (var result in survivors)
            Console.WriteLine($"survives in {result.Histories} histories: {result.Row}: {listed.GetValueOrDefault(result.Row, "NOT LISTED")}");

        var stale = listed.Keys.Except(survivors.Select(static result => result.Row), StringComparer.Ordinal).ToArray();
        foreach (var row in stale)
            Console.WriteLine($"listed, and found or not met: {row}");

        var unlisted = survivors.Count(result => !listed.ContainsKey(result.Row));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{results.Count} rows, {results.Count - survivors.Length} found, {survivors.Length} survive, {unlisted} not listed, {stale.Length} listed wrongly, {TimeProvider.System.GetElapsedTime(begin).TotalSeconds:0} s"));
        return unlisted == 0 && stale.Length == 0 ? 0 : 1;
    }
}
