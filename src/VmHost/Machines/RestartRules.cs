using System.Globalization;
using VmHost.Hypervisors;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines;

/// <summary>What a machine's restart policy says to an end.</summary>
internal abstract record RestartDecision
{
    private RestartDecision()
    {
    }

    /// <summary>It stays as it is.</summary>
    internal sealed record Stay : RestartDecision;

    /// <summary>It stays as it is, since it was started again often enough.</summary>
    internal sealed record GiveUp(int Attempts) : RestartDecision;

    /// <summary>It is started again.</summary>
    internal sealed record Again(int Attempt, TimeSpan Delay) : RestartDecision;
}

/// <summary>The rules of restart policies. Nothing in here waits or writes.</summary>
internal static class RestartRules
{
    // Doubled with each attempt in a row.
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(1);

    internal static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(5);

    /// <summary>Who ran that long ran well: what comes next is no longer in a row with what was before.</summary>
    internal static readonly TimeSpan Healthy = TimeSpan.FromMinutes(1);

    /// <summary>After the end of a boot.</summary>
    /// <param name="record">Of the machine, as it was while it ran.</param>
    /// <param name="exit">How the boot ended.</param>
    /// <param name="random">0 up to 1: spreads machines that fail together.</param>
    internal static RestartDecision AfterEnd(MachineRecord record, ExitSummary exit, double random)
    {
        // The first start of all is somebody's, who is told that it failed.
        if (record.StoppedByHand || (exit.Reason == ExitReason.StartFailed && record.Retry is null))
            return new RestartDecision.Stay();

        // A host that rebooted starts again those that are to run with it, each in its turn.
        if (exit.Reason == ExitReason.HostRebooted)
            return new RestartDecision.Stay();

        return Decide(record.Restart, failed: !exit.Expected, exit.RanFor >= Healthy ? 0 : record.Retry?.Attempts ?? 0, random);
    }

    /// <summary>After a start by the policy that did not even begin a boot.</summary>
    internal static RestartDecision AfterFailedStart(MachineRecord record, double random) =>
        Decide(record.Restart, failed: true, record.Retry?.Attempts ?? 0, random);

    /// <summary>Whether it is to run whenever the host has booted.</summary>
    internal static bool StartsWithHost(MachineRecord record) =>
        record.Restart.Mode == RestartMode.Always || (record.Restart.Mode == RestartMode.UnlessStopped && !record.StoppedByHand);

    /// <summary>How long to wait before an attempt: 1 s, 2 s, 4 s and so on up to 5 min, each up to a quarter less.</summary>
    /// <param name="attempt">From 1.</param>
    /// <param name="random">0 up to 1.</param>
    internal static TimeSpan Delay(int attempt, double random)
    {
        var doublings = Math.Min(attempt - 1, 30);
        var full = Math.Min(FirstDelay.TotalSeconds * (1L << doublings), LongestDelay.TotalSeconds);
        return TimeSpan.FromSeconds(full * (1 - (random / 4)));
    }

    /// <summary>For a person.</summary>
    internal static string Describe(RestartDecision.Again again, string why) =>
        string.Create(CultureInfo.InvariantCulture, $"{why}; starts again in {again.Delay.TotalSeconds:0.#} s (attempt {again.Attempt})");

    /// <summary>For a person.</summary>
    internal static string Describe(RestartDecision.GiveUp gaveUp, string why) =>
        string.Create(CultureInfo.InvariantCulture, $"given up after {gaveUp.Attempts} {(gaveUp.Attempts == 1 ? "restart" : "restarts")} in a row: {why}");

    private static RestartDecision Decide(RestartPolicy policy, bool failed, int attempts, double random)
    {
        var again = policy.Mode is RestartMode.Always or RestartMode.UnlessStopped || (policy.Mode == RestartMode.OnFailure && failed);
        if (!again)
            return new RestartDecision.Stay();
        if (policy.MaxRetries > 0 && attempts >= policy.MaxRetries)
            return new RestartDecision.GiveUp(attempts);

        return new RestartDecision.Again(attempts + 1, Delay(attempts + 1, random));
    }
}
