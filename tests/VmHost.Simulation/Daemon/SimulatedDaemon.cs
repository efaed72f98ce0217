using VmHost.Machines;
using VmHost.Machines.Life;
using VmHost.Simulation.Checks;
using VmHost.Simulation.Truth;
using VmHost.State;

namespace VmHost.Simulation.Daemon;

/// <summary>The rules of a machine's life, real or mutated.</summary>
internal delegate Step LifeRules(MachineLife life, MachineEvent happened, Moment moment);

/// <summary>One life of the daemon: the real loop of the machine, with simulated effects.</summary>
internal sealed class SimulatedDaemon
{
    private readonly SimulatedHost _host;
    private readonly Watcher _watcher;
    private bool _asksForStartWithHost;

    internal SimulatedDaemon(SimulatedHost host, Watcher watcher, Dice dice, LifeRules rules, MachineLife life)
    {
        (_host, _watcher) = (host, watcher);
        World = new(host, watcher);
        Loop = new(life, World, host.Clock, dice.NextDouble, watcher, (now, happened, moment) => Apply(rules, now, happened, moment));
        World.Loop = Loop;
        Clients = watcher.BeginDaemon();
    }

    internal MachineLoop Loop { get; }

    internal SimulatedWorld World { get; }

    internal Clients Clients { get; }

    /// <summary>The loop fails at its next event in a way that no code expects.</summary>
    internal bool LoopThrows { get; set; }

    internal MachineLife Life => Loop.Life;

    /// <summary>A new machine.</summary>
    internal static MachineLife New(MachineRecord record) => new(record.Id, record, new MachinePhase.Created(), []);

    /// <summary>The machine as it is found on disk.</summary>
    internal static MachineLife Stored(MachineRecord record) => new(record.Id, record, new MachinePhase.Adopting([]), []);

    /// <summary>A machine whose record cannot be read.</summary>
    internal static MachineLife Unreadable(string id) => new(id, null, new MachinePhase.Unreadable("damaged"), []);

    /// <summary>As the registry does it after the daemon's start.</summary>
    internal void Adopt()
    {
        _asksForStartWithHost = true;
        Loop.Post(new MachineEvent.DaemonStarted());
    }

    /// <summary>Deals with one event.</summary>
    /// <returns>False where there is none.</returns>
    internal bool TryStep()
    {
        var stepped = Loop.TryStep();
        if (_asksForStartWithHost && !Loop.Snapshot.IsBeingExamined)
        {
            _asksForStartWithHost = false;
            if (Life is { Phase: MachinePhase.Ended, Record: { Boot: { } boot } record } && boot.HostBootId != _host.HostBootId && RestartRules.StartsWithHost(record))
                Clients.Ask(Loop, static id => new MachineEvent.StartRequested(id, WithHost: true));
        }

        return stepped;
    }

    private Step Apply(LifeRules rules, MachineLife life, MachineEvent happened, Moment moment)
    {
        if (LoopThrows)
        {
            LoopThrows = false;
            _watcher.DefectInjected = true;
            if (life.Phase is MachinePhase.Adopting)
                _watcher.Expectations.NothingIsCertain();   // the registry sees no machine that it could start with the host

            _watcher.Note($"  the loop throws at {happened}");
            throw new InjectedException("the loop failed");
        }

        if (happened is MachineEvent.HaltRequested request && life.Phase is not MachinePhase.Adopting)
            Clients.Taken(request);

        var step = rules(life, happened, moment);
        StepChecks.Check(life, happened, step);
        if (_watcher.IsTracing)
            _watcher.Note($"  {happened.GetType().Name} in {life.Phase.GetType().Name} -> {step.Life.Phase.GetType().Name}: {happened}");

        return step;
    }
}
