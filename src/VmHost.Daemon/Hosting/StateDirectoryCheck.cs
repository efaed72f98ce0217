using Microsoft.Extensions.Diagnostics.HealthChecks;
using VmHost.State;

namespace VmHost.Daemon.Hosting;

/// <summary>
/// What the health service answers: a daemon that cannot write its records any more (read-only, removed) reads and halts
/// as before but starts nothing.
/// </summary>
internal sealed class StateDirectoryCheck(StateDirectory state) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var probe = Path.Combine(state.Path, $"health-{Guid.NewGuid():N}");
            File.OpenHandle(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose).Dispose();
            return Task.FromResult(HealthCheckResult.Healthy());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Task.FromResult(HealthCheckResult.Unhealthy($"the state directory cannot be written: {e.Message}"));
        }
    }
}
