using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Client;

/// <summary>Waits for a machine's end, also while the daemon is restarted in between.</summary>
/// <param name="machines">The service.</param>
/// <param name="time">The clock.</param>
public sealed class ResumingWait(MachineService.MachineServiceClient machines, TimeProvider time)
{
    /// <summary>How long to try to reach a daemon that went away. Default 10 s.</summary>
    public TimeSpan GiveUpAfter { get; init; } = Reconnection.DefaultLimit;

    /// <summary>The machine, once it does not run.</summary>
    /// <inheritdoc cref="WaitAsync(WaitMachineRequest, DateTime?, CancellationToken)"/>
    public Task<Machine> WaitAsync(string machine, CancellationToken ct) => WaitAsync(new WaitMachineRequest { Machine = machine }, null, ct);

    /// <summary>The machine, once what is waited for holds.</summary>
    /// <param name="request">Of one machine. Not changed.</param>
    /// <param name="deadline">In UTC; null for none.</param>
    /// <param name="ct">Ends the waiting, not the machine.</param>
    /// <exception cref="RpcException">As WaitMachine; UNAVAILABLE when the daemon did not come back in time.</exception>
    public Task<Machine> WaitAsync(WaitMachineRequest request, DateTime? deadline, CancellationToken ct) =>
        Reconnection.AskAgainAsync(
            async () => (await machines.WaitMachineAsync(request, deadline: deadline, cancellationToken: ct)).Machines[0],
            async token => await machines.GetMachineAsync(new() { Machine = request.Machine }, cancellationToken: token),
            GiveUpAfter,
            time,
            ct);
}
