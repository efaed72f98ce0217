using VmHost.Consoles;
using VmHost.Daemon.Api.Listing;
using VmHost.Machines;
using VmHost.Protocol.V1;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>Waits for a condition on one machine, or on several.</summary>
internal static class MachineWait
{
    /// <summary>Waits as a request asks.</summary>
    /// <param name="machines">All machines.</param>
    /// <param name="request">The request.</param>
    /// <param name="stop">Ends the waiting; cancelled when this returns.</param>
    /// <exception cref="VmHostException">As WaitMachine's statuses.</exception>
    internal static async Task<WaitMachineResponse> RunAsync(MachineRegistry machines, WaitMachineRequest request, CancellationTokenSource stop)
    {
        var selected = Select(machines, request);
        var waits = selected.Select(machine => WaitAsync(machine, request.Condition ?? new(), stop.Token)).ToList();
        try
        {
            return request.Mode switch
            {
                WaitMode.Unspecified or WaitMode.All => ResponseOf(await AllAsync(waits)),
                WaitMode.Any => ResponseOf(await FirstAsync(waits)),
                _ => throw VmHostException.ForFaults([new("mode", "is not known to this version; use ALL or ANY")]),
            };
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(waits).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private static WaitMachineResponse ResponseOf(params MachineSnapshot[] snapshots) =>
        new() { Machines = { snapshots.Select(MachineMapping.ToDetailedProto) } };

    private static List<Machines.Machine> Select(MachineRegistry machines, WaitMachineRequest request)
    {
        if (request.Machine.Length > 0 == request.Filter.Length > 0)
            throw VmHostException.ForFaults([new("machine", "and filter: set exactly one of them")]);

        if (request.Machine.Length > 0)
            return [machines.Get(request.Machine)];

        var filter = MachineFilter.Parse(request.Filter, "filter");
        var selected = machines.List().Where(filter.Matches).Select(snapshot => machines.Get(snapshot.Id)).ToList();
        return selected.Count > 0 ? selected : throw new VmHostException(VmHostError.NotFound, $"no machine matches the filter {Quoted.Text(request.Filter)}");
    }

    // The first that cannot fulfil the condition any more ends the waiting for the others.
    private static async Task<MachineSnapshot[]> AllAsync(List<Task<MachineSnapshot>> waits)
    {
        var running = waits.ToList();
        while (running.Count > 0)
        {
            var first = await Task.WhenAny(running);
            running.Remove(first);
            await first;
        }

        return await Task.WhenAll(waits);
    }

    // A machine that cannot fulfil the condition any more leaves it to the others, as long as there are any.
    private static async Task<MachineSnapshot> FirstAsync(List<Task<MachineSnapshot>> waits)
    {
        var running = waits.ToList();
        while (true)
        {
            var first = await Task.WhenAny(running);
            running.Remove(first);
            if (first.IsCompletedSuccessfully || running.Count == 0)
                return await first;
        }
    }

    private static async Task<MachineSnapshot> WaitAsync(Machines.Machine machine, WaitCondition condition, CancellationToken ct)
    {
        switch (condition.KindCase)
        {
            case WaitCondition.KindOneofCase.None or WaitCondition.KindOneofCase.Stopped:
                return await machine.WaitForRestAsync(ct);
            case WaitCondition.KindOneofCase.Running:
                return await machine.WaitForRunningAsync(ct);
            case WaitCondition.KindOneofCase.Console:
                await machine.Console.ExpectAsync(new ConsoleSearch(condition.Console.Pattern, "condition.console.pattern"), null, waits: true, ct);
                return machine.Snapshot;
            case WaitCondition.KindOneofCase.Port:
                await machine.WaitForPortAsync(condition.Port.GuestPort, ct);
                return machine.Snapshot;
            default:
                throw VmHostException.ForFaults([new("condition", "is not known to this version")]);
        }
    }
}
