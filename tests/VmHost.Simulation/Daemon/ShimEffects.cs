using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Simulation.Truth;
using VmHost.State;

namespace VmHost.Simulation.Daemon;

/// <summary>Effects that need the shim: what ShimContact and BootExaminer do.</summary>
internal sealed class ShimEffects
{
    private static readonly TimeSpan ExamineLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan StatusLimit = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LongEnoughToFail = TimeSpan.FromSeconds(2);

    private readonly SimulatedHost _host;
    private readonly SimulatedWorld _world;
    private readonly ShimRequests _requests;
    private Contact? _contact;
    private Work? _lastExamination;

    internal ShimEffects(SimulatedHost host, SimulatedWorld world)
    {
        (_host, _world) = (host, world);
        _requests = new(host, world, this);
    }

    internal Contact? Open => _contact is { Closed: false } open ? open : null;

    private TimeSpan Now => _host.Clock.Elapsed;

    internal IEnumerable<Wait> ControlOrStatus(MachineEffect effect) =>
        effect is MachineEffect.Control control ? _requests.Control(control) : _requests.ReadStatus(((MachineEffect.ReadStatus)effect).Boot);

    internal void BreakContact()
    {
        if (_contact is { } contact)
            contact.Broken = true;
    }

    internal IEnumerable<Wait> InBackground(MachineEffect effect) =>
        effect switch
        {
            MachineEffect.Examine examine => QueueExamination(examine.Boot, examine.AskGuest),
            MachineEffect.WatchForReadiness watch => WatchForReadiness(watch.Boot),
            MachineEffect.WatchGuest watch => WatchGuest(watch.Boot),
            MachineEffect.Kill kill => _requests.Kill(kill.Boot),
            MachineEffect.KillBoth kill => _requests.KillBoth(kill.Boot),
            _ => throw new InvalidOperationException($"no code simulates {effect.GetType().Name}"),
        };

    private IEnumerable<Wait> QueueExamination(BootRecord record, bool askGuest)
    {
        var work = Examination(record, askGuest);
        yield return Wait.For(() => work.Done);
    }

    // One at a time; a second one finds what the first has made.
    internal Work Examination(BootRecord record, bool askGuest)
    {
        var before = _lastExamination;
        var work = _world.Start("examination", Examine(record, askGuest, before), e =>
        {
            // A connection that nothing watches would never be missed.
            _contact = null;
            _world.Post(new MachineEvent.BootSilent(record.Number, $"internal: {e.Message}"));
        });
        _lastExamination = work;
        return work;
    }

    private IEnumerable<Wait> Examine(BootRecord record, bool askGuest, Work? before)
    {
        yield return Wait.For(() => before is null || before.Done);
        var isNew = false;
        if (Open is not { } contact || contact.Boot.Record.Nonce != record.Nonce)
        {
            _contact = null;
            var deadline = Now + ExamineLimit;
            yield return new Wait(() => Answering(record) is not null || !_host.LockHeld, deadline);
            if (Answering(record) is { } boot)
            {
                contact = new Contact(boot);
                isNew = true;
            }
            else if (!_host.LockHeld)
            {
                _world.Post(new MachineEvent.BootEnded(record.Number, ExitOf(record)));
                yield break;
            }
            else
            {
                _world.Post(new MachineEvent.BootSilent(record.Number, "its shim does not answer"));
                yield break;
            }

            _contact = contact;
            _world.ConsoleLive = true;
            yield return Wait.Yield;
        }

        GuestStatus? status = null;
        if (askGuest && contact.Boot.Control == ControlChannel.Qmp)
        {
            yield return new Wait(() => contact.Closed || MonitorAnswers(contact.Boot), Now + StatusLimit);
            status = !contact.Closed && MonitorAnswers(contact.Boot) ? StatusOf(contact.Boot) : null;
            yield return Wait.Yield;
        }

        _world.Post(new MachineEvent.BootFound(record.Number, new(record.Number, contact.Boot.Control, contact.Boot.ShimPid, contact.Boot.HypervisorPid), status));
        if (isNew)
            _world.Start("connection", WatchConnection(contact));
    }

    private IEnumerable<Wait> WatchConnection(Contact contact)
    {
        yield return Wait.For(() => contact.Closed);
        _world.Post(new MachineEvent.ContactLost(contact.Boot.Number));
    }

    private IEnumerable<Wait> WatchForReadiness(LiveBoot live)
    {
        if (Open is not { } contact || contact.Boot.Number != live.Number)
            yield break;

        // Other hypervisors than QEMU give no sign: they only live on.
        var lives = live.Control == ControlChannel.Qmp ? TimeSpan.MaxValue : Now + LongEnoughToFail;
        yield return new Wait(() => contact.Closed || (contact.Boot.Ready && !contact.Boot.ShimSilent), lives);
        if (!contact.Closed)
            _world.Post(new MachineEvent.GuestReady(live.Number));
    }

    private IEnumerable<Wait> WatchGuest(LiveBoot live)
    {
        if (Open is not { } contact || live.Control != ControlChannel.Qmp || contact.Watched)
            yield break;

        contact.Watched = true;
        _world.Start("monitor", WatchMonitor(contact));
        yield return Wait.For(() => contact.Closed || (contact.Boot.GuestHalted && MonitorAnswers(contact.Boot)));
        if (!contact.Closed)
            _world.Post(new MachineEvent.GuestHalted(live.Number));
    }

    private IEnumerable<Wait> WatchMonitor(Contact contact)
    {
        for (var seen = -1; ;)
        {
            yield return Wait.For(() => contact.Closed || (contact.Boot.Changes != seen && MonitorAnswers(contact.Boot)));
            if (contact.Closed)
                yield break;

            seen = contact.Boot.Changes;
            _world.Post(new MachineEvent.MonitorChanged(contact.Boot.Number));
        }
    }

    // The shim of the boot, if it wrote its record and takes a connection.
    private SimulatedBoot? Answering(BootRecord record) =>
        _host.Disk.RunNonce == record.Nonce && _host.ByNonce(record.Nonce) is { ShimLives: true, ShimSilent: false } boot ? boot : null;

    private ExitSummary ExitOf(BootRecord record)
    {
        var exit = _host.Disk.Exit is { } found && found.Nonce == record.Nonce ? found : null;
        var reason = exit switch
        {
            { StartError: not null } => ExitReason.StartFailed,
            not null => exit.Reason,
            null when record.HostBootId != _host.HostBootId => ExitReason.HostRebooted,
            null when _host.Disk.RunNonce == record.Nonce => ExitReason.ShimLost,
            null => ExitReason.StartFailed,
        };
        return new()
        {
            Boot = record.Number,
            Reason = reason,
            Detail = $"ended by {reason}",
            Expected = reason is ExitReason.PowerOff or ExitReason.Halt or ExitReason.Reset or ExitReason.HostRebooted,
            RanFor = exit is { StartError: null } ? exit.RanFor : null,
            EndedAt = exit?.EndedAt ?? _host.Clock.GetUtcNow(),
            ConsoleTail = [],
            HypervisorLogTail = [],
        };
    }

    internal static bool MonitorAnswers(SimulatedBoot boot) => !boot.ShimSilent && !boot.MonitorHangs && !boot.Hangs && boot.Hypervisor == ProcessState.Lives;

    internal static GuestStatus StatusOf(SimulatedBoot boot) =>
        boot.Run switch
        {
            GuestRun.IoError => new GuestStatus.IoError("disk0", "No space left on device"),
            GuestRun.Stopped => new GuestStatus.StandsStill(),
            _ => new GuestStatus.Runs(),
        };
}
