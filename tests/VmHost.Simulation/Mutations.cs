using System.Collections.Concurrent;
using VmHost.Machines.Life;

namespace VmHost.Simulation;

/// <summary>What became of a mutation.</summary>
/// <param name="Row">The phase and the event that was ignored in it.</param>
/// <param name="Histories">In so many histories the row does something.</param>
/// <param name="Problem">The rule that was broken; null where none was.</param>
public sealed record MutationResult(string Row, int Histories, string? Problem);

/// <summary>
/// Shows that the histories test the rules: each row of the table that does something is replaced by "ignore", and some history
/// must then break a rule. Those that no history notices are listed in survivors.txt, each with the reason.
/// </summary>
public static class Mutations
{
    /// <summary>Histories that are played with each mutation, as far as its row occurs in them.</summary>
    public const int Histories = 20_000;

    /// <summary>Plays all mutations. A row of the table that no history meets survives.</summary>
    /// <param name="tablePath">The table of all phases and events, golden/life.txt.</param>
    public static IReadOnlyList<MutationResult> Run(string tablePath)
    {
        var occurrences = FindOccurrences();
        foreach (var row in ReadTable(tablePath))
            occurrences.TryAdd(row, []);

        var results = new ConcurrentBag<MutationResult>();
        Parallel.ForEach(occurrences.OrderBy(static pair => pair.Value.Count), pair => results.Add(Play(pair.Key, pair.Value)));
        return [.. results.OrderBy(static result => result.Row, StringComparer.Ordinal)];
    }

    /// <summary>The listed survivors.</summary>
    /// <param name="path">Lines of a row, ": " and the reason; "#" begins a comment.</param>
    public static IReadOnlyDictionary<string, string> ReadSurvivors(string path) =>
        File.ReadLines(path)
            .Where(static line => line.Length > 0 && line[0] != '#')
            .Select(static line => line.Split(": ", 2))
            .ToDictionary(static parts => parts[0], static parts => parts[1], StringComparer.Ordinal);

    // The rows that do something. A line is: PHASE[, variant] + EVENT[ variant] -> result
    private static IEnumerable<LifeRow> ReadTable(string path)
    {
        foreach (var line in File.ReadLines(path))
        {
            var (pair, result) = (line.Split(" -> ")[0].Split(" + "), line.Split(" -> ")[1]);
            if (result == "no change" || result.StartsWith("ignored", StringComparison.Ordinal))
                continue;

            var words = pair[1].Split(' ');
            var hasKinds = words[0] is nameof(MachineEvent.TimerDue) or nameof(MachineEvent.ControlDone) or nameof(MachineEvent.ControlFailed);
            yield return new(pair[0].Split(',')[0], hasKinds ? $"{words[0]}.{words[1]}" : words[0].TrimEnd(','));
        }
    }

    private static MutationResult Play(LifeRow row, ConcurrentQueue<long> seeds)
    {
        var problem = seeds.Select(seed => History.Play(seed, Simulator.Steps, Mutated)).FirstOrDefault(static problem => problem is not null);
        return new(row.ToString(), seeds.Count, problem);

        Step Mutated(MachineLife life, MachineEvent happened, Moment moment) =>
            LifeRow.Of(life.Phase, happened) == row ? new(life, []) : life.Next(happened, moment);
    }

    private static ConcurrentDictionary<LifeRow, ConcurrentQueue<long>> FindOccurrences()
    {
        var occurrences = new ConcurrentDictionary<LifeRow, ConcurrentQueue<long>>();
        Parallel.For(1, Histories + 1, seed =>
        {
            var rows = new HashSet<LifeRow>();
            History.Play(seed, Simulator.Steps, Recorded);
            foreach (var row in rows)
                occurrences.GetOrAdd(row, static _ => []).Enqueue(seed);

            Step Recorded(MachineLife life, MachineEvent happened, Moment moment)
            {
                var step = life.Next(happened, moment);
                if (!step.Effects.IsEmpty || step.Life != life)
                    rows.Add(LifeRow.Of(life.Phase, happened));

                return step;
            }
        });
        return occurrences;
    }
}
