using VmHost.Machines.Life;
using VmHost.Simulation.Checks;
using VmHost.Simulation.Daemon;
using VmHost.Simulation.Truth;

namespace VmHost.Simulation;

/// <summary>
/// One history of a machine, made from its seed: some happenings with everything in between in a random order, then a healthy
/// host, on which everything must settle, and then a few more wishes, which must be fulfilled.
/// </summary>
internal sealed class History
{
    private const int MostProgress = 2_000;

    private static readonly TimeSpan SettlesWithin = TimeSpan.FromHours(3);

    private readonly Dice _dice;
    private readonly LifeRules _rules;
    private readonly Watcher _watcher;
    private readonly Invariants _invariants;
    private readonly Happenings _happenings;

    private History(long seed, LifeRules rules, List<string>? trace)
    {
        _dice = new(seed);
        _rules = rules;
        Host = new(_dice);
        _watcher = new(Host, _dice, trace);
        Host.Ended = _watcher.Expectations.Ended;
        _invariants = new(Host, _watcher);
        _happenings = new(this, _dice);
    }

    internal SimulatedHost Host { get; }

    internal Watcher Watcher => _watcher;

    /// <summary>Null while no daemon lives.</summary>
    internal SimulatedDaemon? Daemon { get; private set; }

    /// <summary>Nothing of the machine exists any more, neither on disk nor in a daemon.</summary>
    internal bool IsOver => Daemon is { Life.Phase: MachinePhase.Deleted } || (Daemon is null && Host.Disk.Record is null);

    /// <summary>Plays the history of a seed.</summary>
    /// <param name="seed">All of it depends on this.</param>
    /// <param name="steps">How many happenings there are.</param>
    /// <param name="rules">Of the machine's life.</param>
    /// <param name="trace">Gets a line for whatever happens; null for none.</param>
    /// <returns>The rule that was broken; null where none was.</returns>
    internal static string? Play(long seed, int steps, LifeRules rules, List<string>? trace = null)
    {
        var history = new History(seed, rules, trace);
        try
        {
            history.Play(steps);
            return null;
        }
        catch (ViolationException e)
        {
            trace?.Add($"VIOLATION: {e.Message}");
            return e.Message;
        }
    }

    internal void BeginDaemon()
    {
        // The registry has nothing to examine by where it cannot read the record.
        Daemon = new(Host, _watcher, _dice, _rules, Host.Disk.IsDamaged ? SimulatedDaemon.Unreadable(Host.Disk.Record!.Id) : SimulatedDaemon.Stored(Host.Disk.Record!));
        if (!Host.Disk.IsDamaged)
            Daemon.Adopt();
    }

    /// <summary>Kills the daemon, should one live.</summary>
    internal void KillDaemon()
    {
        Daemon?.World.Die(_dice);
        Host.ForgetStarts();
        Host.Clock.ForgetTimers();
        Daemon = null;
        ForgetUnsaved();
        Check();
    }

    /// <summary>What the dead daemon knew and what is not on disk is known no more.</summary>
    internal void ForgetUnsaved()
    {
        _watcher.DaemonDied();
        _invariants.DaemonDied();
    }

    /// <summary>Lets things happen that need no time, in a random order.</summary>
    /// <param name="most">How many.</param>
    internal void Progress(int most)
    {
        var count = 0;
        while (count < most && TryProgress())
        {
            Check();
            count++;
        }

        if (most == MostProgress && count == most)
            throw new ViolationException("the machine never comes to rest, although no time passes");
    }

    /// <summary>Lets everything happen that needs no time.</summary>
    internal void Drain()
    {
        Progress(MostProgress);

        // A press of the power button that is under way is over first, in at most 2 s.
        if (Daemon is { World.EffectsBegun: true, Life.Phase: not (MachinePhase.Adopting or MachinePhase.Stopping { Progress.IsPressing: true }) } daemon)
            daemon.Clients.CheckGraceTimes();
    }

    /// <summary>Lets time pass until nothing is under way.</summary>
    internal void Settle()
    {
        var limit = Host.Clock.Elapsed + SettlesWithin;
        Drain();
        while (NextDue() is { } due && !IsOver)
        {
            if (due > limit)
                throw new ViolationException($"the machine does not settle, and is {Daemon?.Life.Phase}");

            Host.Clock.Advance(Max(TimeSpan.Zero, due - Host.Clock.Elapsed));
            Drain();
        }
    }

    /// <summary>When something is due next; null where nothing is.</summary>
    internal TimeSpan? NextDue() =>
        (Host.Clock.NextDue, Daemon?.World.NextDue) switch
        {
            ({ } timer, { } work) => timer < work ? timer : work,
            var (timer, work) => timer ?? work,
        };

    private void Play(int steps)
    {
        Daemon = new(Host, _watcher, _dice, _rules, SimulatedDaemon.New(_happenings.NewRecord()));
        Daemon.Clients.Ask(Daemon.Loop, static id => new MachineEvent.StartRequested(id));
        if (_dice.Chance(0.8))
            Drain();

        for (var step = 0; step < steps && !IsOver; step++)
        {
            _happenings.Next();
            Check();
            if (_dice.Chance(0.4))
                Drain();
            else
                Progress(_dice.Next(8));
        }

        _watcher.Note("all is healthy from now on");
        if (_watcher.DefectInjected)
            Host.ForgetStarts();

        Host.Heal();
        if (Daemon is { } daemon)
            daemon.LoopThrows = false;

        Settle();
        _watcher.IsHealthy = !_watcher.DefectInjected;
        for (var wish = 0; wish < 3 && !IsOver; wish++)
        {
            if (Daemon is null)
                BeginDaemon();

            Settle();
            Host.Heal();
            Settle();
            if (!IsOver)
                _invariants.WhenSettled(Daemon!);
            if (!IsOver)
                _happenings.LastWish(wish);
        }

        if (Daemon is { Clients: var clients } && clients.Unanswered > 0)
        {
            Settle();
            Drain();
            if (clients.Unanswered > 0)
                throw new ViolationException("a request is never answered");
        }
    }

    private void Check()
    {
        Daemon?.Clients.LookAtAnswers();
        _invariants.AfterStep(Daemon);
    }

    private bool TryProgress()
    {
        var first = _dice.Next(4);
        for (var kind = 0; kind < 4; kind++)
        {
            switch ((first + kind) % 4)
            {
                case 0 when Host.TryProgress():
                    return true;
                case 1 when Daemon is { } daemon && daemon.TryStep():
                    return true;
                case 2 when Host.Clock.TryFire():
                    return true;
                case 3 when Daemon?.World.TryProgress(_dice) is { } worked:
                    _watcher.Note($"  .. {worked}");
                    return true;
                default:
                    break;
            }
        }

        return false;
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
