using System.Globalization;
using VmHost.Consoles;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>The part that waits for what a machine does.</summary>
public sealed partial class Machine
{
    /// <summary>Returns the snapshot once no hypervisor runs, for certain.</summary>
    public Task<MachineSnapshot> WaitForRestAsync(CancellationToken ct) =>
        WaitForAsync(static snapshot => MachineTransitions.IsAtRest(snapshot.State), ct);

    /// <summary>Returns the snapshot once its hypervisor runs, also when somebody has to start it first.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.NotFound"/>: it was deleted meanwhile.</exception>
    public async Task<MachineSnapshot> WaitForRunningAsync(CancellationToken ct)
    {
        var snapshot = await WaitForAsync(snapshot => snapshot.State is MachineState.Running or MachineState.Paused || Volatile.Read(ref _deleted), ct);
        return Volatile.Read(ref _deleted) ? throw new VmHostException(VmHostError.NotFound, $"machine {snapshot.Name} was deleted") : snapshot;
    }

    /// <summary>The first console output that matches.</summary>
    /// <param name="search">What to look for.</param>
    /// <param name="offset">Where to begin; null: with the current or last boot.</param>
    /// <param name="waits">Also for what is not written yet.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: nothing matched, and it does not run or is not waited for.
    /// </exception>
    public async Task<ConsoleMatch> ExpectConsoleAsync(ConsoleSearch search, long? offset, bool waits, CancellationToken ct)
    {
        var begin = offset ?? BootConsoleBegin;
        return await search.FindAsync(Console, begin, waits, _services.Time, ct)
            ?? throw new VmHostException(VmHostError.FailedPrecondition, $"{(waits ? $"machine {_snapshot.Name} does not run, and nothing" : "nothing")} that it wrote from offset {begin} on matches");
    }

    /// <summary>Returns once the guest took a TCP connection, which is closed again.</summary>
    /// <param name="guestPort">The guest's port.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: it is not published. <see cref="VmHostError.FailedPrecondition"/>: the
    /// machine does not run, or ended meanwhile.
    /// </exception>
    public async Task WaitForPortAsync(int guestPort, CancellationToken ct)
    {
        var port = _record?.Spec.PublishedPorts.FirstOrDefault(port => port.GuestPort == guestPort && port.Protocol == PortProtocol.Tcp)
            ?? throw VmHostException.ForFaults([new("tcp_port", string.Create(CultureInfo.InvariantCulture, $"port {guestPort} of the guest is not published; run the machine with: --publish HOSTPORT:{guestPort}"))]);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var taken = new GuestPortProbe(_services.Time).WaitAsync(port, () => _boot, stop.Token);
        var ended = WaitForRestAsync(stop.Token);
        var first = await Task.WhenAny(taken, ended);
        await stop.CancelAsync();
        await first;
        if (first == ended)
            throw new VmHostException(VmHostError.FailedPrecondition, $"machine {_snapshot.Name} does not run, so nobody takes connections on its port {guestPort}");
    }

    // That boot's, also when the machine runs again by then.
    private Task<MachineSnapshot> WaitForEndOfAsync(int boot) =>
        WaitForAsync(snapshot => snapshot.LastExit?.Boot >= boot || MachineTransitions.IsAtRest(snapshot.State) || snapshot.State == MachineState.Unknown, CancellationToken.None);

    private async Task<MachineSnapshot> WaitForAsync(Func<MachineSnapshot, bool> condition, CancellationToken ct)
    {
        while (true)
        {
            var changed = _changed.Task;
            var snapshot = _snapshot;
            if (condition(snapshot))
                return snapshot;

            await changed.WaitAsync(ct);
        }
    }
}
