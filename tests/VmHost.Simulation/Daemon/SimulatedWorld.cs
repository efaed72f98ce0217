using VmHost.Machines;
using VmHost.Machines.Effects;
using VmHost.Machines.Life;
using VmHost.Simulation.Checks;
using VmHost.Simulation.Truth;

namespace VmHost.Simulation.Daemon;

/// <summary>
/// What a daemon does for its machine, with the order that <see cref="MachineEffects"/> keeps: effects begin one after the
/// other; what is for the disk holds up those behind it until it is done, but for 2 s at most; what a hypervisor is asked for
/// is asked in order; all else goes on in the background. Each piece advances when the scheduler picks it.
/// </summary>
internal sealed class SimulatedWorld : IMachineWorld
{
    private static readonly TimeSpan DiskPatience = TimeSpan.FromSeconds(2);

    private readonly SimulatedHost _host;
    private readonly Watcher _watcher;
    private readonly LocalEffects _local;
    private readonly ShimEffects _shim;
    private readonly Queue<MachineEffect> _lane = new();
    private readonly WorkQueue _disk = new();
    private readonly WorkQueue _control = new();
    private readonly List<Work> _background = [];
    private Work? _awaited;
    private TimeSpan _patience;

    internal SimulatedWorld(SimulatedHost host, Watcher watcher)
    {
        (_host, _watcher) = (host, watcher);
        _local = new(host, watcher);
        _shim = new(host, this);
    }

    internal MachineLoop Loop { get; set; } = null!;

    /// <summary>The machine has its disks and memory.</summary>
    internal bool Claimed { get; set; }

    /// <summary>Followers of the console wait for more.</summary>
    internal bool ConsoleLive { get; set; }

    /// <summary>The machine's files are deleted.</summary>
    internal bool FilesDeleted { get; set; }

    /// <summary>The boot whose digests were reported last.</summary>
    internal int DigestsOf { get; set; }

    /// <summary>Nothing is under way.</summary>
    internal bool IsIdle => _lane.Count == 0 && _disk.IsEmpty && _control.IsEmpty && _awaited is null;

    /// <summary>No effect waits for another one to end.</summary>
    internal bool EffectsBegun => _lane.Count == 0;

    /// <summary>When the next piece of work gives up; null where none does.</summary>
    internal TimeSpan? NextDue
    {
        get
        {
            var due = _awaited is null ? TimeSpan.MaxValue : _patience;
            foreach (var work in _background)
                due = work.Wait.Deadline < due ? work.Wait.Deadline : due;
            if (_control.First is { } control && control.Wait.Deadline < due)
                due = control.Wait.Deadline;

            return due == TimeSpan.MaxValue ? null : due;
        }
    }

    public void Begin(MachineEffect effect, MachineLoop loop)
    {
        _watcher.Begun(effect);
        _lane.Enqueue(effect);
    }

    /// <summary>The connection to the shim breaks, although the shim lives.</summary>
    internal void BreakContact() => _shim.BreakContact();

    internal void Post(MachineEvent happened) => Loop.Post(happened);

    internal Work Start(string name, IEnumerable<Wait> steps, Action<Exception>? failed = null)
    {
        var work = new Work(name, steps, failed);
        _background.Add(work);
        return work;
    }

    /// <summary>Advances one piece of work.</summary>
    /// <returns>What was advanced; null where nothing can be.</returns>
    internal string? TryProgress(Dice dice)
    {
        var first = dice.Next(4);
        for (var kind = 0; kind < 4; kind++)
        {
            var progressed = ((first + kind) % 4) switch
            {
                0 => TryLane(),
                1 => TryFirst(_disk),
                2 => TryFirst(_control),
                _ => TryBackground(dice),
            };
            if (progressed is not null)
                return progressed;
        }

        return null;
    }

    /// <summary>The daemon is killed: of what it had begun, something may still have been done.</summary>
    internal void Die(Dice dice)
    {
        for (var more = dice.Next(4); more > 0; more--)
        {
            _ = dice.Next(3) switch
            {
                0 => TryFirst(_disk),
                1 => TryFirst(_control),
                _ => TryBackground(dice),
            };
        }

        _host.LauncherHoldsLock = false;
    }

    private string? TryLane()
    {
        if (_awaited is { } awaited)
        {
            if (!awaited.Done && _host.Clock.Elapsed < _patience)
                return null;

            if (!awaited.Done)
                _host.Disk.IsBehind = true;
            _awaited = null;
        }

        if (!_lane.TryDequeue(out var effect))
            return null;

        Begin(effect);
        return effect.GetType().Name;
    }

    private void Begin(MachineEffect effect)
    {
        switch (effect)
        {
            case MachineEffect.Save or MachineEffect.SaveUpdate or MachineEffect.Publish or MachineEffect.RemoveHalfWritten:
                _awaited = WorkOf(effect, _local.OnDisk(effect, this));
                _patience = _host.Clock.Elapsed + DiskPatience;
                _disk.Add(_awaited);
                break;
            case MachineEffect.Answer answer:
                _watcher.Answered(answer);
                Loop.Complete(answer.RequestId, answer.Outcome);
                break;
            case MachineEffect.ReleaseClaims:
                Claimed = false;
                break;
            case MachineEffect.ClaimUnasked:
                Claimed = true;
                break;
            case MachineEffect.SetConsoleLive set:
                ConsoleLive = set.Live;
                break;
            case MachineEffect.Control or MachineEffect.ReadStatus:
                _control.Add(WorkOf(effect, _shim.ControlOrStatus(effect)));
                break;
            case MachineEffect.DeleteFiles:
                _disk.Add(WorkOf(effect, _local.DeleteFiles(this)));
                break;
            default:
                _background.Add(WorkOf(effect, _local.InBackground(effect, this) ?? _shim.InBackground(effect)));
                break;
        }
    }

    private Work WorkOf(MachineEffect effect, IEnumerable<Wait> steps) =>
        new(effect.GetType().Name, steps, effect is MachineEffect.WatchGuest ? null : e =>
        {
            _watcher.EffectThrew(effect);
            if (EffectFailures.ResultOf(effect, e) is { } result)
                Post(result);
        });

    private string? TryFirst(WorkQueue queue)
    {
        if (queue.First is not { } work || !work.CanStep(_host.Clock.Elapsed))
            return null;

        Step(work);
        queue.RemoveDone();
        return work.Name;
    }

    private string? TryBackground(Dice dice)
    {
        var count = _background.Count;
        var start = count == 0 ? 0 : dice.Next(count);
        for (var index = 0; index < count; index++)
        {
            var work = _background[(start + index) % count];
            if (!work.CanStep(_host.Clock.Elapsed))
                continue;

            Step(work);
            if (work.Done)
                _background.Remove(work);

            return work.Name;
        }

        return null;
    }

    private void Step(Work work)
    {
        if (_host.EffectThrows && work.CanFail)
        {
            _host.EffectThrows = false;
            work.Fail();
        }
        else
        {
            work.Step();
        }
    }
}
