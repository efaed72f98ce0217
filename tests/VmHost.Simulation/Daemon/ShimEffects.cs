using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Simulation.Truth;
using VmHost.State;

namespace VmHost.Simulation.Daemon;

/// <summary>Effects that need the shim: what ShimContact, BootExaminer and ProcessKiller do.</summary>
internal sealed class ShimEffects(SimulatedHost host, SimulatedWorld world)
{
    private static readonly TimeSpan ExamineLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan StatusLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PressLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LongEnoughToFail = TimeSpan.FromSeconds(2);

    private Contact? _contact;
    private Work? _lastExamination;

    private Contact? Open => _contact is { Closed: false } open ? open : null;

    private TimeSpan Now => host.Clock.Elapsed;

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
            MachineEffect.Kill kill => Kill(kill.Boot),
            MachineEffect.KillBoth kill => KillBoth(kill.Boot),
            _ => throw new InvalidOperationException($"no code simulates {effect.GetType().Name}"),
        };

    internal IEnumerable<Wait> ControlOrStatus(MachineEffect effect) =>
        effect is MachineEffect.Control control ? Control(control) : ReadStatus(((MachineEffect.ReadStatus)effect).Boot);

    private IEnumerable<Wait> QueueExamination(BootRecord record, bool askGuest)
    {
        var work = Examination(record, askGuest);
        yield return Wait.For(() => work.Done);
    }

    // One at a time; a second one finds what the first has made.
    private Work Examination(BootRecord record, bool askGuest)
    {
        var before = _lastExamination;
        var work = world.Start("examination", Examine(record, askGuest, before), e =>
        {
            // A connection that nothing watches would never be missed.
            _contact = null;
            world.Post(new MachineEvent.BootSilent(record.Number, $"internal: {e.Message}"));
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
            yield return new Wait(() => Answering(record) is not null || !host.LockHeld, deadline);
            if (Answering(record) is { } boot)
            {
                contact = new Contact(boot);
                isNew = true;
            }
            else if (!host.LockHeld)
            {
                world.Post(new MachineEvent.BootEnded(record.Number, ExitOf(record)));
                yield break;
            }
            else
            {
                world.Post(new MachineEvent.BootSilent(record.Number, "its shim does not answer"));
                yield break;
            }

            _contact = contact;
            world.ConsoleLive = true;
            yield return Wait.Yield;
        }

        GuestStatus? status = null;
        if (askGuest && contact.Boot.Control == ControlChannel.Qmp)
        {
            yield return new Wait(() => contact.Closed || MonitorAnswers(contact.Boot), Now + StatusLimit);
            status = !contact.Closed && MonitorAnswers(contact.Boot) ? StatusOf(contact.Boot) : null;
            yield return Wait.Yield;
        }

        world.Post(new MachineEvent.BootFound(record.Number, new(record.Number, contact.Boot.Control, contact.Boot.ShimPid, contact.Boot.HypervisorPid), status));
        if (isNew)
            world.Start("connection", WatchConnection(contact));
    }

    private IEnumerable<Wait> WatchConnection(Contact contact)
    {
        yield return Wait.For(() => contact.Closed);
        world.Post(new MachineEvent.ContactLost(contact.Boot.Number));
    }

    private IEnumerable<Wait> WatchForReadiness(LiveBoot live)
    {
        if (Open is not { } contact || contact.Boot.Number != live.Number)
            yield break;

        // Other hypervisors than QEMU give no sign: they only live on.
        var lives = live.Control == ControlChannel.Qmp ? TimeSpan.MaxValue : Now + LongEnoughToFail;
        yield return new Wait(() => contact.Closed || (contact.Boot.Ready && !contact.Boot.ShimSilent), lives);
        if (!contact.Closed)
            world.Post(new MachineEvent.GuestReady(live.Number));
    }

    private IEnumerable<Wait> WatchGuest(LiveBoot live)
    {
        if (Open is not { } contact || live.Control != ControlChannel.Qmp || contact.Watched)
            yield break;

        contact.Watched = true;
        world.Start("monitor", WatchMonitor(contact));
        yield return Wait.For(() => contact.Closed || (contact.Boot.GuestHalted && MonitorAnswers(contact.Boot)));
        if (!contact.Closed)
            world.Post(new MachineEvent.GuestHalted(live.Number));
    }

    private IEnumerable<Wait> WatchMonitor(Contact contact)
    {
        for (var seen = -1; ;)
        {
            yield return Wait.For(() => contact.Closed || (contact.Boot.Changes != seen && MonitorAnswers(contact.Boot)));
            if (contact.Closed)
                yield break;

            seen = contact.Boot.Changes;
            world.Post(new MachineEvent.MonitorChanged(contact.Boot.Number));
        }
    }

    private IEnumerable<Wait> ReadStatus(LiveBoot live)
    {
        if (Open is not { } contact || contact.Boot.Number != live.Number)
        {
            world.Post(new MachineEvent.StatusUnread(live.Number, "the connection is closed"));
            yield break;
        }

        yield return new Wait(() => contact.Closed || MonitorAnswers(contact.Boot), Now + StatusLimit);
        world.Post(!contact.Closed && MonitorAnswers(contact.Boot)
            ? new MachineEvent.StatusRead(live.Number, StatusOf(contact.Boot))
            : new MachineEvent.StatusUnread(live.Number, "no answer"));
    }

    private IEnumerable<Wait> Control(MachineEffect.Control control)
    {
        var live = control.Boot;
        if (Open is not { } contact || contact.Boot.Number != live.Number)
        {
            world.Post(new MachineEvent.ControlFailed(live.Number, control.Action, "the connection is closed"));
            yield break;
        }

        var boot = contact.Boot;
        var isPause = control.Action is ControlAction.Pause or ControlAction.Resume;
        yield return new Wait(() => contact.Closed || Answers(boot), Now + (isPause ? PauseLimit : PressLimit));
        if (contact.Closed || !Answers(boot) || host.NextControl == ControlFault.Refuses)
        {
            host.NextControl = ControlFault.None;
            world.Post(new MachineEvent.ControlFailed(live.Number, control.Action, "no answer"));
            yield break;
        }

        Apply(boot, control.Action);
        yield return Wait.Yield;

        // A signal has no answer that can be lost.
        var lost = host.NextControl == ControlFault.AnswerLost && boot.Control == ControlChannel.Qmp;
        host.NextControl = ControlFault.None;
        world.Post(lost
            ? new MachineEvent.ControlFailed(live.Number, control.Action, "the answer was lost")
            : new MachineEvent.ControlDone(live.Number, control.Action));
    }

    private static void Apply(SimulatedBoot boot, ControlAction action)
    {
        if (boot.Hypervisor != ProcessState.Lives)
            return;

        switch (action)
        {
            case ControlAction.Pause when boot.Run == GuestRun.Runs:
                boot.SetRun(GuestRun.Stopped);
                break;
            case ControlAction.Resume:
                boot.SetRun(GuestRun.Runs);
                break;
            case ControlAction.PressPowerButton when boot.PressesUnseen > 0:
                boot.PressesUnseen--;
                break;
            case ControlAction.PressPowerButton:
                boot.ButtonPressed = true;
                break;
            case ControlAction.TypeLine:
                (boot.IgnoresButton, boot.ButtonPressed) = (false, true);   // what is typed powers the guest off
                break;
            default:
                break;
        }
    }

    private IEnumerable<Wait> Kill(BootRecord record)
    {
        var limit = Now + PressLimit;
        if (Open is null)
        {
            var examination = Examination(record, askGuest: false);
            yield return new Wait(() => examination.Done, limit);
        }

        if (Open is { } contact && contact.Boot.Number == record.Number)
        {
            yield return new Wait(() => contact.Closed || !contact.Boot.ShimSilent, limit);
            if (!contact.Closed && !contact.Boot.ShimSilent && contact.Boot.Hypervisor == ProcessState.Lives)
            {
                contact.Boot.KillSent = true;
                yield return Wait.Yield;
                world.Post(new MachineEvent.KillSent(record.Number, ShimAnswers: true));
                yield break;
            }

            // A request that was not answered ends its connection.
            contact.Broken |= contact.Boot.ShimSilent;
        }

        world.Post(KillProcesses(record, both: false));
    }

    private IEnumerable<Wait> KillBoth(BootRecord record)
    {
        yield return Wait.Yield;
        world.Post(KillProcesses(record, both: true));
    }

    private MachineEvent KillProcesses(BootRecord record, bool both)
    {
        if (!host.LockHeld)
            return new MachineEvent.KillFailed(record.Number, "no process of the machine is left to kill");

        var boot = host.ByNonce(record.Nonce);
        if (boot is null || host.Disk.RunNonce != record.Nonce || record.HostBootId != host.HostBootId)
            return new MachineEvent.KillFailed(record.Number, "no process could be proved to be the machine's");

        var sent = boot.Hypervisor is ProcessState.Lives or ProcessState.Zombie;
        boot.KillSent |= sent;
        if (both && boot.ShimLives)
        {
            host.KillShim(boot);
            sent = true;
        }

        return sent
            ? new MachineEvent.KillSent(record.Number, ShimAnswers: false)
            : new MachineEvent.KillFailed(record.Number, "no process could be proved to be the machine's");
    }

    // The shim of the boot, if it wrote its record and takes a connection.
    private SimulatedBoot? Answering(BootRecord record) =>
        host.Disk.RunNonce == record.Nonce && host.ByNonce(record.Nonce) is { ShimLives: true, ShimSilent: false } boot ? boot : null;

    private ExitSummary ExitOf(BootRecord record)
    {
        var exit = host.Disk.Exit is { } found && found.Nonce == record.Nonce ? found : null;
        var reason = exit switch
        {
            { StartError: not null } => ExitReason.StartFailed,
            not null => exit.Reason,
            null when record.HostBootId != host.HostBootId => ExitReason.HostRebooted,
            null when host.Disk.RunNonce == record.Nonce => ExitReason.ShimLost,
            null => ExitReason.StartFailed,
        };
        return new()
        {
            Boot = record.Number,
            Reason = reason,
            Detail = $"ended by {reason}",
            Expected = reason is ExitReason.PowerOff or ExitReason.Halt or ExitReason.Reset or ExitReason.HostRebooted,
            RanFor = exit is { StartError: null } ? exit.RanFor : null,
            EndedAt = exit?.EndedAt ?? host.Clock.GetUtcNow(),
            ConsoleTail = [],
            HypervisorLogTail = [],
        };
    }

    private static bool MonitorAnswers(SimulatedBoot boot) => !boot.ShimSilent && !boot.MonitorHangs && !boot.Hangs && boot.Hypervisor == ProcessState.Lives;

    // Signals need the shim alone.
    private static bool Answers(SimulatedBoot boot) =>
        boot.Control == ControlChannel.Qmp ? MonitorAnswers(boot) : !boot.ShimSilent && boot.Hypervisor == ProcessState.Lives;

    private static GuestStatus StatusOf(SimulatedBoot boot) =>
        boot.Run switch
        {
            GuestRun.IoError => new GuestStatus.IoError("disk0", "No space left on device"),
            GuestRun.Stopped => new GuestStatus.StandsStill(),
            _ => new GuestStatus.Runs(),
        };
}
