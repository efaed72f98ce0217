using VmHost.Hypervisors;
using VmHost.Machines;
using VmHost.Machines.Life;
using VmHost.Simulation.Truth;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Simulation;

/// <summary>
/// All that can happen from outside: what clients ask for, what the guest does, what time and faults do. Each history has some
/// kinds of them and lacks others, so that rare kinds meet.
/// </summary>
internal sealed class Happenings
{
    private readonly History _history;
    private readonly Dice _dice;
    private readonly List<Happening> _chosen = [];

    internal Happenings(History history, Dice dice)
    {
        (_history, _dice) = (history, dice);
        foreach (var happening in All)
        {
            if (happening.Always || dice.Chance(happening.Rare ? 0.08 : 0.5))
                _chosen.Add(happening);
        }
    }

    private SimulatedHost Host => _history.Host;

    private SimulatedBoot? Live => Host.Live;

    private static readonly Happening[] All =
    [
        new("time passes", 6, static _ => true, static one => one.PassTime()) { Always = true },
        new("time passes until something is due", 10, static one => one._history.NextDue() is not null, static one => one.PassTimeUntilDue()) { Always = true },
        new("a daemon starts", 40, static one => one._history.Daemon is null, static one => one._history.BeginDaemon()) { Always = true },
        new("the record is damaged", 2, static one => one._history.Daemon is null && !one.Host.Disk.IsDamaged, static one => one.Host.Disk.IsDamaged = true) { Rare = true },
        new("start", 5, HasDaemon, static one => one.Ask(static id => new MachineEvent.StartRequested(id))) { Always = true },
        new("halt", 5, HasDaemon, static one => one.Halt()),
        new("kill", 3, HasDaemon, static one => one.Ask(static id => new MachineEvent.KillRequested(id))),
        new("restart", 4, HasDaemon, static one => one.Restart()),
        new("reset", 2, HasDaemon, static one => one.Ask(static id => new MachineEvent.ResetRequested(id))),
        new("update the spec", 3, HasDaemon, static one => one.UpdateSpec()),
        new("pause", 5, HasDaemon, static one => one.Ask(static id => new MachineEvent.PauseRequested(id))),
        new("resume", 4, HasDaemon, static one => one.Ask(static id => new MachineEvent.ResumeRequested(id))),
        new("update", 3, HasDaemon, static one => one.Update()),
        new("delete", 1, HasDaemon, static one => one.Delete()),
        new("a flood of requests", 0.03, HasDaemon, static one => one.Flood()),
        new("the daemon is killed", 4, HasDaemon, static one => one._history.KillDaemon()),
        new("the loop fails", 4, HasDaemon, static one => one._history.Daemon!.LoopThrows = true) { Rare = true },
        new("an effect fails", 4, HasDaemon, static one => one.Host.EffectThrows = true) { Rare = true },
        new("the shim is silent", 3, static one => one.Live is { ShimLives: true }, static one => one.Live!.ShimSilent = true),
        new("the shim answers again", 6, static one => one.Live is { ShimSilent: true }, static one => one.Live!.ShimSilent = false) { Always = true },
        new("the shim is killed", 1.5, static one => one.Live is { ShimLives: true }, static one => one.Host.KillShim(one.Live!)),
        new("the connection to the shim breaks", 2, HasDaemon, static one => one._history.Daemon!.World.BreakContact()),
        new("the monitor hangs", 2, HasGuest, static one => one.Live!.MonitorHangs = true),
        new("the monitor answers again", 5, static one => one.Live is { MonitorHangs: true }, static one => one.Live!.MonitorHangs = false) { Always = true },
        new("the guest resets", 4, CanAct, static one => one.End(ExitReason.Reset)),
        new("somebody resets the guest", 2, HasGuest, static one => one.End(ExitReason.Reset)),
        new("the guest powers off", 2, CanAct, static one => one.End(ExitReason.PowerOff)),
        new("the guest panics", 2, CanAct, static one => one.End(ExitReason.Panic)),
        new("the guest halts its processors", 2, static one => one.Live is { GuestCanAct: true }, static one => one.Live!.GuestHalted = true),
        new("the hypervisor is killed", 1.5, HasGuest, static one => one.End(ExitReason.Killed)),
        new("the kernel does not let go", 1, HasGuest, static one => one.Live!.Unkillable = true),
        new("the kernel lets go", 3, static one => one.Live is { Unkillable: true }, static one => one.Live!.Unkillable = false) { Always = true },
        new("somebody stops the guest", 3, static one => HasMonitor(one) && one.Live!.Run == GuestRun.Runs, static one => one.Live!.SetRun(GuestRun.Stopped)),
        new("somebody lets the guest run", 3, HasMonitor, static one => one.Live!.SetRun(GuestRun.Runs)),
        new("the guest's disk is full", 2, static one => !one.Host.DataDiskFull, static one => one.Host.DataDiskFull = true),
        new("the guest's disk has room", 3, static one => one.Host.DataDiskFull, static one => one.Host.DataDiskFull = false) { Always = true },
        new("guests ignore the button", 2, static _ => true, static one => one.IgnoreButton()),
        new("the next hypervisor fails", 1, static _ => true, static one => one.Host.NextStartFails = true),
        new("the next hypervisor hangs", 1, static _ => true, static one => one.Host.NextStartHangs = true),
        new("the next boot cannot be prepared", 1, static _ => true, static one => one.Host.PreparationFails = true),
        new("the next request to the hypervisor fails", 2, static _ => true, static one => one.Host.NextControl = one._dice.Pick(ControlFault.Refuses, ControlFault.AnswerLost)),
        new("a deletion fails", 0.5, static _ => true, static one => one.Host.DeletionFails = true),
        new("the disk refuses", 1.5, static one => one.Host.Disk.Mood == DiskMood.Works, static one => one.Host.Disk.Mood = DiskMood.Refuses),
        new("the disk hangs", 1.5, static one => one.Host.Disk.Mood == DiskMood.Works, static one => one.Host.Disk.Mood = DiskMood.Hangs),
        new("the disk works", 5, static one => one.Host.Disk.Mood != DiskMood.Works, static one => one.Host.Disk.Mood = DiskMood.Works) { Always = true },
        new("the host reboots", 1, static _ => true, static one => one.RebootHost()),
        new("the host's clock is set", 1, static _ => true, static one => one.Host.Clock.Offset += TimeSpan.FromMinutes(one._dice.Next(600) - 300)),
    ];

    /// <summary>One of them.</summary>
    internal void Next()
    {
        var total = 0.0;
        foreach (var happening in _chosen)
            total += happening.Weighs(this);

        var picked = _dice.NextDouble() * total;
        foreach (var happening in _chosen)
        {
            picked -= happening.Weighs(this);
            if (picked >= 0)
                continue;

            _history.Watcher.Note($"* {happening.Name} (at {Host.Clock.Elapsed.TotalSeconds:0.000} s)");
            happening.Do(this);
            return;
        }
    }

    /// <summary>On a healthy host on which nothing is under way.</summary>
    internal void LastWish(int wish)
    {
        var choice = _dice.Next(11);
        _history.Watcher.Note($"* last wish {wish}: {choice}");
        switch (choice)
        {
            case 0:
                _history.KillDaemon();
                break;
            case 1 when Live is { } live && live.GuestCanAct:
                End(_dice.Pick(ExitReason.Panic, ExitReason.Reset));
                break;
            case 2:
                var line = _dice.Chance(0.5) ? "poweroff" : null;
                Ask(id => new MachineEvent.HaltRequested(id, new(TimeSpan.FromSeconds(20), KillAfterwards: true, line)));
                break;
            case 3 when Live is { } live:
                live.ShimSilent = true;
                Ask(static id => new MachineEvent.KillRequested(id));
                break;
            case 4:
                Ask(static id => new MachineEvent.PauseRequested(id));
                break;
            case 5:
                Ask(static id => new MachineEvent.StartRequested(id));
                _history.Progress(_dice.Next(40));
                _history.Daemon!.World.BreakContact();
                break;
            case 6 when Live is { Control: ControlChannel.Qmp } live:
                live.IgnoresButton = true;
                Ask(static id => new MachineEvent.HaltRequested(id, new(TimeSpan.FromSeconds(3), KillAfterwards: false, null)));
                _history.Progress(_dice.Next(20));
                _history.Daemon!.World.BreakContact();
                _history.Settle();
                live.SetRun(live.Run == GuestRun.Runs ? GuestRun.Stopped : GuestRun.Runs);
                break;
            case 7:
                Ask(static id => new MachineEvent.StartRequested(id));
                break;
            case 8:
                Ask(static id => new MachineEvent.ResetRequested(id));
                break;
            case 9:
                Ask(static id => new MachineEvent.RestartRequested(id, new(TimeSpan.FromSeconds(20), KillAfterwards: true, null)));
                _history.Progress(_dice.Next(60));
                _history.KillDaemon();
                break;
            default:
                Ask(static id => new MachineEvent.ResumeRequested(id));
                break;
        }
    }

    internal MachineRecord NewRecord() =>
        new()
        {
            Schema = MachineRecord.CurrentSchema,
            Seq = 0,
            Id = "0123456789ab",
            Name = "m",
            Spec = new()
            {
                Boot = new(null, "/boot/kernel", null, ""),
                CpuCount = 1,
                Memory = ByteSize.FromMiB(64),
                PublishedPorts = [],
                Hypervisor = _dice.Pick(HypervisorKind.Qemu, HypervisorKind.Qemu, HypervisorKind.Qemu, HypervisorKind.HyperKit, HypervisorKind.Xhyve),
                Uuid = Guid.Empty,
                OnReboot = _dice.Pick(RebootAction.Restart, RebootAction.Restart, RebootAction.Stop),
            },
            CreatedAt = Host.Clock.GetUtcNow(),
            Restart = NewPolicy(),
        };

    private static bool HasDaemon(Happenings one) => one._history.Daemon is not null;

    private static bool HasGuest(Happenings one) => one.Live is { Hypervisor: ProcessState.Lives };

    private static bool HasMonitor(Happenings one) => one.Live is { Hypervisor: ProcessState.Lives, Control: ControlChannel.Qmp };

    private static bool CanAct(Happenings one) => one.Live is { GuestCanAct: true, Ready: true };

    private RestartPolicy NewPolicy() =>
        _dice.Pick(RestartPolicy.Never, new(RestartMode.Always, 0), new(RestartMode.Always, 0), new(RestartMode.UnlessStopped, 0), new(RestartMode.OnFailure, 0), new(RestartMode.OnFailure, 2));

    // Some ask twice; those who stop waiting change nothing.
    private void Ask(Func<long, MachineEvent.Request> make)
    {
        var daemon = _history.Daemon!;
        daemon.Clients.Ask(daemon.Loop, make);
        if (_dice.Chance(0.1))
            daemon.Clients.Ask(daemon.Loop, make);
    }

    private void Halt()
    {
        var options = new HaltOptions(
            TimeSpan.FromSeconds(_dice.Pick(0, 1, 3, 10, 60)),
            KillAfterwards: _dice.Chance(0.5),
            _dice.Chance(0.3) ? "poweroff" : null);
        Ask(id => new MachineEvent.HaltRequested(id, options));
    }

    private void Restart()
    {
        var options = new HaltOptions(TimeSpan.FromSeconds(_dice.Pick(0, 3, 10)), KillAfterwards: _dice.Chance(0.5), _dice.Chance(0.3) ? "poweroff" : null);
        Ask(id => new MachineEvent.RestartRequested(id, options));
    }

    private void UpdateSpec()
    {
        var memory = ByteSize.FromMiB(64 * (1 + _dice.Next(3))).Bytes;
        Ask(id => new MachineEvent.UpdateRequested(id, new() { Spec = new() { MemoryBytes = memory } }));
    }

    private void Update()
    {
        var policy = NewPolicy();
        Ask(id => new MachineEvent.UpdateRequested(id, new() { Restart = policy }));
    }

    private void Delete()
    {
        var even = _dice.Chance(0.5);
        Ask(id => new MachineEvent.DeleteRequested(id, even));
    }

    private void Flood()
    {
        for (var count = 0; count < Mailbox.MaxRequests + 20; count++)
            Ask(static id => new MachineEvent.PauseRequested(id));
    }

    private void PassTime() => Host.Clock.Advance(TimeSpan.FromMilliseconds(_dice.Pick(1, 100, 1000, 2500, 6000, 20_000, 70_000)));

    private void PassTimeUntilDue()
    {
        var left = _history.NextDue()!.Value - Host.Clock.Elapsed;
        if (left > TimeSpan.Zero)
            Host.Clock.Advance(left);
    }

    private void End(ExitReason reason) => Host.EndHypervisor(Live!, reason);

    private void IgnoreButton()
    {
        Host.ButtonIgnored = !Host.ButtonIgnored;
        if (Live is { } live)
            live.IgnoresButton = Host.ButtonIgnored;
    }

    private void RebootHost()
    {
        _history.KillDaemon();
        Host.Reboot();
        _history.Watcher.Expectations.HostRebooted();
        _history.ForgetUnsaved();
    }

    private sealed record Happening(string Name, double Weight, Func<Happenings, bool> CanDo, Action<Happenings> Do)
    {
        /// <summary>Part of each history.</summary>
        internal bool Always { get; init; }

        /// <summary>Part of few histories: defects of VmHost, and what leaves little to happen.</summary>
        internal bool Rare { get; init; }

        internal double Weighs(Happenings one) => CanDo(one) ? Weight : 0;
    }
}
