using System.Globalization;
using VmHost.Machines.Life;

namespace VmHost.Simulation;

/// <summary>A history in which a rule was broken.</summary>
/// <param name="Seed">Replays it.</param>
/// <param name="Steps">The fewest happenings with which it is broken.</param>
/// <param name="Problem">The rule.</param>
/// <param name="Trace">All that happened.</param>
public sealed record FailedHistory(long Seed, int Steps, string Problem, IReadOnlyList<string> Trace)
{
    /// <summary>For a person: the rule, how to replay the history, and its trace.</summary>
    public string Describe() =>
        string.Create(CultureInfo.InvariantCulture, $"seed {Seed}: {Problem}\nreplay: scripts/chaos --simulate 1 --seed {Seed}\n{string.Join('\n', Trace)}");
}

/// <summary>Plays many histories in parallel.</summary>
public static class Simulator
{
    /// <summary>Happenings in a history.</summary>
    public const int Steps = 40;

    /// <summary>Plays the histories of consecutive seeds.</summary>
    /// <param name="firstSeed">Of the first one.</param>
    /// <param name="count">How many.</param>
    /// <param name="mostFailures">It ends after so many failures.</param>
    public static IReadOnlyList<FailedHistory> Run(long firstSeed, long count, int mostFailures = 1)
    {
        var failed = new List<long>();
        Parallel.For(firstSeed, firstSeed + count, (seed, state) =>
        {
            if (History.Play(seed, Steps, Real) is null)
                return;

            lock (failed)
            {
                failed.Add(seed);
                if (failed.Count >= mostFailures)
                    state.Stop();
            }
        });
        return [.. failed.Order().Select(Replay).OfType<FailedHistory>()];
    }

    /// <summary>Plays one history again, with as few happenings as break a rule.</summary>
    /// <returns>Null where none is broken.</returns>
    public static FailedHistory? Replay(long seed)
    {
        for (var steps = 0; steps <= Steps; steps++)
        {
            var trace = new List<string>();
            if (History.Play(seed, steps, Real, trace) is { } problem)
                return new(seed, steps, problem, trace);
        }

        return null;
    }

    internal static Step Real(MachineLife life, MachineEvent happened, Moment moment) => life.Next(happened, moment);
}
