using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>Waits for console output that matches, also while the daemon is restarted in between: the journal has what is written meanwhile.</summary>
/// <param name="console">The service.</param>
/// <param name="machines">The service.</param>
/// <param name="time">The clock.</param>
public sealed class ResumingExpect(ConsoleService.ConsoleServiceClient console, MachineService.MachineServiceClient machines, TimeProvider time)
{
    /// <summary>How long to try to reach a daemon that went away. Default 10 s.</summary>
    public TimeSpan GiveUpAfter { get; init; } = Reconnection.DefaultLimit;

    /// <summary>The first match.</summary>
    /// <param name="request">Not changed. Without an offset it is asked again for the boot that runs by then.</param>
    /// <param name="deadline">In UTC; null for none.</param>
    /// <param name="ct">Ends the waiting.</param>
    /// <exception cref="RpcException">As ExpectConsole; UNAVAILABLE when the daemon did not come back in time.</exception>
    public Task<ExpectConsoleResponse> FindAsync(ExpectConsoleRequest request, DateTime? deadline, CancellationToken ct) =>
        Reconnection.AskAgainAsync(
            async () => await console.ExpectConsoleAsync(request, deadline: deadline, cancellationToken: ct),
            async token => await machines.GetMachineAsync(new() { Machine = request.Machine }, cancellationToken: token),
            GiveUpAfter,
            time,
            ct);
}
