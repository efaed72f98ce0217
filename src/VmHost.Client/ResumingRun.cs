using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>Runs a machine once, also when the daemon is restarted before it has answered.</summary>
/// <param name="machines">The service.</param>
/// <param name="time">The clock.</param>
public sealed class ResumingRun(MachineService.MachineServiceClient machines, TimeProvider time)
{
    /// <summary>How long to try to reach a daemon that went away. Default 10 s.</summary>
    public TimeSpan GiveUpAfter { get; init; } = Reconnection.DefaultLimit;

    /// <summary>The machine, once its hypervisor runs.</summary>
    /// <param name="request">Gets a request id if it has none; otherwise not changed.</param>
    /// <param name="ct">Ends the waiting, not the machine.</param>
    /// <exception cref="RpcException">As RunMachine; UNAVAILABLE when the daemon did not come back in time.</exception>
    public async Task<RunMachineResponse> RunAsync(RunMachineRequest request, CancellationToken ct)
    {
        if (request.RequestId.Length == 0)
            request.RequestId = Guid.NewGuid().ToString("N");

        try
        {
            return await machines.RunMachineAsync(request, cancellationToken: ct);
        }
        catch (RpcException e) when (Reconnection.IsInterruptionOfReached(e))
        {
            // Not done twice: the daemon knows the machine by the request's id.
            return await Reconnection.UntilReachedAsync(
                async token => await machines.RunMachineAsync(request, cancellationToken: token), GiveUpAfter, time, ct);
        }
    }
}
