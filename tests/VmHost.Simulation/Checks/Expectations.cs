using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Simulation.Truth;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Simulation.Checks;

/// <summary>
/// What a person may expect of the machine once all faults are over, from what was asked and answered, and from what the guest
/// did. Where that is not certain, as a daemon died in between, nothing is expected.
/// </summary>
internal sealed class Expectations(SimulatedHost host)
{
    private const int QuickResets = 5;

    private readonly HashSet<string> _mustDie = [];
    private bool _ran;
    private bool _onlyResets;
    private int _resets;
    private int _quickResets;
    private bool _strongPolicy;
    private bool _stopped;

    /// <summary>The machine runs in the end: nothing that stopped it was asked for, and its policy or its guest's reset starts it again.</summary>
    internal bool MustRun(MachineRecord record) =>
        _ran && (_strongPolicy || (_onlyResets && _quickResets < QuickResets && (_resets == 0 || record.Spec.OnReboot == RebootAction.Restart)));

    /// <summary>The machine does not run in the end: a halt or kill was the last thing, and it was answered.</summary>
    internal bool MustRest => _stopped;

    /// <summary>The boot was to be killed, which was written down, and no answer took it back.</summary>
    internal bool MustBeDead(SimulatedBoot boot) => _mustDie.Contains(boot.Record.Nonce);

    internal void Asked(ClientRequest request)
    {
        switch (request.Event)
        {
            case MachineEvent.HaltRequested or MachineEvent.KillRequested or MachineEvent.DeleteRequested:
                _ran = false;
                break;
            case MachineEvent.StartRequested:
                _stopped = false;
                break;
            case MachineEvent.RestartRequested or MachineEvent.ResetRequested:
                (_ran, _stopped) = (false, false);
                break;
            case MachineEvent.UpdateRequested { Change.Restart: { } policy }:
                _strongPolicy &= IsStrong(policy);
                break;
            default:
                break;
        }
    }

    internal void Answered(ClientRequest request, Outcome outcome, bool laterStart)
    {
        if (outcome is Outcome.Refused)
        {
            if (request.IsStop)
                _mustDie.Clear();
            if (request.IsStart)
                _ran = false;   // who asked is told, and nothing is tried again
        }
        else if (request.IsStart && outcome is Outcome.Done { Changed: true })
        {
            _quickResets = 0;
        }
        else if (request is { IsStop: true, IsRestart: false })
        {
            _stopped = !laterStart;
        }
    }

    /// <summary>The machine is shown as running, and no request to stop it is under way.</summary>
    internal void ShownRunning(MachineRecord record, bool updateUnanswered)
    {
        if (_stopped)
            throw new ViolationException("I4: a halt or kill was answered, no start was asked for, and the machine runs again");

        if (_ran)
            return;

        (_ran, _onlyResets, _resets) = (true, true, 0);
        _strongPolicy = !updateUnanswered && IsStrong(record.Restart);
    }

    internal void Ended(ExitReason reason)
    {
        if (reason == ExitReason.Reset)
            (_resets, _quickResets) = (_resets + 1, _quickResets + 1);
        else
            _onlyResets = false;
    }

    internal void StartFailed() => _onlyResets = false;

    internal void NothingIsCertain() => (_ran, _stopped) = (false, false);

    internal void HostRebooted() => (_onlyResets, _stopped) = (false, false);

    internal void Saved(MachineRecord record)
    {
        if (record is { Halt: { KillAfterwards: true } intent, Boot: { } boot } && intent.Boot == boot.Number)
            _mustDie.Add(boot.Nonce);
        else if (record.Boot is { } spared)
            _mustDie.Remove(spared.Nonce);   // whoever asked for it is told why
    }

    internal void DaemonDied()
    {
        // What it knew and could not write down is lost.
        if (host.Disk.IsBehind)
            (_ran, _stopped) = (false, false);
    }

    private static bool IsStrong(RestartPolicy policy) => policy.Mode is RestartMode.Always or RestartMode.UnlessStopped;
}
