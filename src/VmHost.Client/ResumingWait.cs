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
    /// <param name="machine">Name, id or unique prefix of an id.</param>
    /// <param name="ct">Ends the waiting, not the machine.</param>
    /// <exception cref="RpcException">As WaitMachine; UNAVAILABLE when the daemon did not come back in time.</exception>
    public async Task<Machine> WaitAsync(string machine, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                var response = await machines.WaitMachineAsync(new() { Machine = machine }, cancellationToken: ct);
                return response.Machine;
            }
            catch (RpcException e) when (Reconnection.IsInterruptionOfReached(e))
            {
                // A quick call finds out when it is back; the wait itself has no limit and must not get one.
                await Reconnection.UntilReachedAsync(
                    async token => await machines.GetMachineAsync(new() { Machine = machine }, cancellationToken: token),
                    GiveUpAfter,
                    time,
                    ct);
            }
        }
    }
}
