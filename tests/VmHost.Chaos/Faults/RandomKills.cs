using System.Globalization;
using VmHost.Posix;
using VmHost.Protocol.V1;

namespace VmHost.Chaos.Faults;

/// <summary>
/// kill -9 of the daemon, a shim or a hypervisor at random instants, also in the middle of starts, halts, creations and
/// deletions. Afterwards all rules hold, what was acknowledged is so (I4), and other machines run on (I8).
/// </summary>
internal sealed class RandomKills(Tally tally, string prefix, int seed)
{
    private const int Machines = 4;
    private const int FaultsBeforeRetirement = 12;

    // A megabyte a second, and a line now and then.
    private static readonly string[] Guests = ["clock;stream:1000000", "clock;lines:1000000:300"];

    private readonly Random _random = new(seed);
    private readonly List<Victim> _victims = [];
    private int _created;

    internal async Task RunAsync(int faults)
    {
        await using var host = await Host.StartAsync(tally);
        while (_victims.Count < Machines)
            _victims.Add(await CreateAsync(host));

        for (var fault = 0; fault < faults; fault++)
        {
            await FaultAsync(host);
            foreach (var victim in _victims.Where(victim => victim.Faults >= FaultsBeforeRetirement).ToList())
            {
                await RetireAsync(host, victim);
                _victims.Remove(victim);
                _victims.Add(await CreateAsync(host));
            }
        }

        foreach (var victim in _victims)
            await RetireAsync(host, victim);

        // An oracle that is not found is compared with nothing.
        if (tally.ComparedBytes == 0)
            tally.Violation("I3", "no console was compared with what its guest wrote");
    }

    // Half of them with a policy, so that starts by themselves are hit too.
    private Task<Victim> CreateAsync(Host host) =>
        host.CreateAsync(string.Create(CultureInfo.InvariantCulture, $"{prefix}{++_created}"), Guests[_created % 4 / 2], _created % 2 == 0 ? RestartMode.Always : RestartMode.No);

    private async Task FaultAsync(Host host)
    {
        var before = await host.ListAsync();
        var operation = _random.Next(3) == 0 ? new Operation(host, _victims[_random.Next(_victims.Count)], _random, prefix) : null;
        var running = operation?.RunAsync() ?? Task.CompletedTask;
        await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(15)), TimeProvider.System);

        var kind = _random.Next(3);
        var victim = _victims[_random.Next(_victims.Count)];
        int? killed = null;
        if (kind == 0)
            await KillDaemonAsync(host);
        else
            killed = await KillPartAsync(host, victim, shim: kind == 1);

        await running;
        var (after, reason) = kind switch
        {
            0 => ("a kill of the daemon", ExitReason.Unspecified),
            1 => ($"a kill of {victim.Name}'s shim", ExitReason.ShimLost),
            _ => ($"a kill of {victim.Name}'s hypervisor", ExitReason.Killed),
        };
        await host.SettleAsync(operation is null ? after : $"{after} during {operation}", killed is { } boot ? (victim.Id, boot) : null);
        if (operation is not null)
            await operation.CheckAsync(tally);

        await CheckOthersAsync(host, before, kind == 0 ? null : victim, operation?.Victim, after, reason);
        foreach (var machine in (await host.ListAsync()).Where(machine => !machine.HasHypervisorPid))
            await host.Machines.StartMachineAsync(new() { Machine = machine.Id });
    }

    private async Task KillDaemonAsync(Host host)
    {
        tally.Fault("kill -9 of the daemon");
        await host.KillDaemonAsync();
    }

    // The boot that it ends.
    private async Task<int?> KillPartAsync(Host host, Victim victim, bool shim)
    {
        if (await host.FindAsync(victim.Id) is not { HasHypervisorPid: true } machine)
            return null;

        tally.Fault(shim ? "kill -9 of a shim" : "kill -9 of a hypervisor");
        victim.Killed(machine.BootCount, shim ? Victim.Terminal : Victim.OneWrite);
        Signals.Send(shim ? machine.ShimPid : machine.HypervisorPid, Signals.Kill);
        return machine.BootCount;
    }

    private async Task CheckOthersAsync(Host host, IReadOnlyList<Machine> before, Victim? killed, Victim? operated, string after, ExitReason reason)
    {
        var now = await host.ListAsync();
        foreach (var machine in before.Where(machine => machine.HasHypervisorPid && machine.Id != operated?.Id))
        {
            var found = now.FirstOrDefault(one => one.Id == machine.Id);
            if (machine.Id == killed?.Id)
                CheckKilled(found, machine, after, reason);
            else if (found is null || found.HypervisorPid != machine.HypervisorPid)
                tally.Violation("I8", $"after {after}: {machine.Name} ran as {machine.HypervisorPid} and is now {found?.State.ToString() ?? "gone"}: {found?.LastExit?.Detail}");
        }
    }

    private void CheckKilled(Machine? found, Machine before, string after, ExitReason reason)
    {
        var exit = found?.LastExit;
        if (exit?.Boot != before.BootCount)
            return;   // another fault was quicker

        if (exit.Reason != reason)
            tally.Violation("truth", $"after {after} it is said to have ended for {exit.Reason} ({exit.Detail})");
    }

    private async Task RetireAsync(Host host, Victim victim)
    {
        await host.Machines.HaltMachineAsync(new() { Machine = victim.Id });
        ConsoleComparison.Run(tally, victim, host.Daemon.MachineDirectory(victim.Id));
        await host.Machines.DeleteMachineAsync(new() { Machine = victim.Id });
        if (Directory.Exists(host.Daemon.MachineDirectory(victim.Id)))
            tally.Violation("I4", $"{victim.Name} was deleted, and its directory is there");
    }
}
