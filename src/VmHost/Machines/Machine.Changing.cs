using Microsoft.Extensions.Logging;
using VmHost.Machines.Events;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The part through which every change goes: it is saved, told, and seen by those who wait for it.</summary>
public sealed partial class Machine
{
    internal void TellCreated() => PublishLocked(HostEventKind.MachineCreated);   // nobody else has it yet

    /// <summary>The end of a boot. What the restart policy says to it decides where that leads.</summary>
    private void EndLocked(ExitSummary exit)
    {
        _services.Store.Tidy(_snapshot.Id);
        RestLocked(
            exit.Expected ? MachineEvent.EndedWell : MachineEvent.EndedBadly,
            RestartRules.AfterEnd(_record!, exit, Random.Shared.NextDouble()),
            exit.Detail,
            exit);
    }

    // To rest, or to Backoff where the decision says so. The exit is null where no boot ended.
    private void RestLocked(MachineEvent happened, RestartDecision decision, string why, ExitSummary? exit)
    {
        _services.Claims.Release(_snapshot.Name);
        var (next, detail, retry) = decision switch
        {
            RestartDecision.Again again => (MachineEvent.RestartScheduled, RestartRules.Describe(again, why), new RetryRecord(again.Attempt, _services.Time.GetUtcNow() + again.Delay)),
            RestartDecision.GiveUp gaveUp => (MachineEvent.EndedBadly, RestartRules.Describe(gaveUp, why), null),
            _ => (happened, why, null),
        };
        _record = _record! with
        {
            Seq = _record.Seq + 1,
            LastExit = exit ?? _record.LastExit,
            PausedBoot = null,
            Retry = retry,
            RestDetail = detail,
        };
        if (_record.Boot is not null)
            SaveLocked();   // otherwise nothing of it is on disk, and the next start makes it anew

        var halted = _snapshot.State == MachineState.Stopping;
        MoveLocked(next, snapshot => snapshot with { LastExit = _record.LastExit, HypervisorPid = null, ShimPid = null, StateDetail = detail });
        if (halted)
            PublishLocked(HostEventKind.MachineHalting, HaltStep.Reaped, detail);

        if (decision is RestartDecision.Again { Delay: var delay })
            BeginWaitingLocked(delay);
        else
            Console.SetLive(false);   // after the snapshot: whoever followed the console to its end finds how the machine ended
    }

    // What is known stays known here; the next daemon finds an end out again from exit.json.
    private void SaveLocked()
    {
        try
        {
            _services.Store.Save(_record!);
        }
        catch (IOException e)
        {
            LogNotSaved(e, _snapshot.Name);
        }
    }

    private void MoveLocked(MachineEvent happened, Func<MachineSnapshot, MachineSnapshot>? change = null)
    {
        var next = MachineTransitions.Next(_snapshot.State, happened);
        var detail = _snapshot with { StateDetail = "" };
        ShowLocked((change?.Invoke(detail) ?? detail) with { State = next });
        LogState(_snapshot.Name, next, _snapshot.StateDetail);
    }

    // After the daemon's start the state is read off the record, not reached by an event.
    private void SetLocked(MachineState state, string detail) => ShowLocked(_snapshot with { State = state, StateDetail = detail });

    private void ShowLocked(MachineSnapshot snapshot)
    {
        var ended = ReferenceEquals(snapshot.LastExit, _snapshot.LastExit) ? null : snapshot.LastExit;
        _snapshot = snapshot with { Restart = _record?.Restart ?? snapshot.Restart, Retry = _record?.Retry };
        _services.Events.Publish(EventLocked(HostEventKind.MachineState) with
        {
            Detail = _snapshot.StateDetail,
            Exit = ended is null ? null : new(ended.Reason, ended.Expected, ended.Code, ended.Signal, ended.Fault),
        });

        SignalChangeLocked();
    }

    private void SignalChangeLocked()
    {
        var signal = _changed;
        _changed = NewSignal();
        signal.SetResult();
    }

    private void PublishLocked(HostEventKind kind, HaltStep step = HaltStep.None, string detail = "") =>
        _services.Events.Publish(EventLocked(kind) with { Step = step, Detail = detail });

    private HostEvent EventLocked(HostEventKind kind) =>
        new() { Kind = kind, MachineId = _snapshot.Id, Machine = _snapshot.Name, State = _snapshot.State, Boot = _snapshot.Boot?.Number ?? 0 };

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine} is now {State}. {Detail}")]
    private partial void LogState(string machine, MachineState state, string detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Machine}: its record could not be saved.")]
    private partial void LogNotSaved(Exception e, string machine);
}
