using System.Collections.Immutable;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>What is right and wrong with this host, and the cures.</summary>
/// <param name="host">Finds the hypervisors.</param>
/// <param name="places">Where the daemon keeps things.</param>
/// <param name="time">The clock.</param>
public sealed class HostDiagnosis(HostProbe host, DaemonPlaces places, TimeProvider time)
{
    private readonly EvidenceCollector _collector = new(places, time);

    /// <summary>Looks now. Never throws for what it finds. Takes as long as the slowest program that is asked, at most a minute.</summary>
    public async Task<ImmutableArray<Finding>> FindAsync(CancellationToken ct) =>
        Checks.Examine(await _collector.CollectAsync(await host.ProbeAsync(ct), ct));
}
