using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Simulation.Truth;
using VmHost.State;

namespace VmHost.Simulation.Daemon;

/// <summary>Requests to the hypervisor, and kills: what GuestControl and ProcessKiller do.</summary>
internal sealed class ShimRequests(SimulatedHost host, SimulatedWorld world, ShimEffects shim)
{
    private static readonly TimeSpan StatusLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PressLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(10);

    private TimeSpan Now => host.Clock.Elapsed;

    internal IEnumerable<Wait> ReadStatus(LiveBoot live)
    {
        if (shim.Open is not { } contact || contact.Boot.Number != live.Number)
        {
            world.Post(new MachineEvent.StatusUnread(live.Number, "the connection is closed"));
            yield break;
        }

        yield return new Wait(() => contact.Closed || ShimEffects.MonitorAnswers(contact.Boot), Now + StatusLimit);
        world.Post(!contact.Closed && ShimEffects.MonitorAnswers(contact.Boot)
            ? new MachineEvent.StatusRead(live.Number, ShimEffects.StatusOf(contact.Boot))
            : new MachineEvent.StatusUnread(live.Number, "no answer"));
    }

    internal IEnumerable<Wait> Control(MachineEffect.Control control)
    {
        var live = control.Boot;
        if (shim.Open is not { } contact || contact.Boot.Number != live.Number)
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

    internal IEnumerable<Wait> Kill(BootRecord record)
    {
        var limit = Now + PressLimit;
        if (shim.Open is null)
        {
            var examination = shim.Examination(record, askGuest: false);
            yield return new Wait(() => examination.Done, limit);
        }

        if (shim.Open is { } contact && contact.Boot.Number == record.Number)
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

    internal IEnumerable<Wait> KillBoth(BootRecord record)
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

    // Signals need the shim alone.
    private static bool Answers(SimulatedBoot boot) =>
        boot.Control == ControlChannel.Qmp ? ShimEffects.MonitorAnswers(boot) : !boot.ShimSilent && boot.Hypervisor == ProcessState.Lives;
}
