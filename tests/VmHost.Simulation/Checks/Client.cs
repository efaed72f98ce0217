using VmHost.Hypervisors;
using VmHost.Machines;
using VmHost.Machines.Life;
using VmHost.Simulation.Truth;
using VmHost.Specs;

namespace VmHost.Simulation.Checks;

/// <summary>A request that a client made.</summary>
internal sealed class ClientRequest
{
    internal required MachineEvent.Request Event { get; init; }

    internal required Task<Outcome> Answer { get; init; }

    /// <summary>The boot that lived then; null for none.</summary>
    internal required SimulatedBoot? Boot { get; init; }

    /// <summary>Of the boot, then.</summary>
    internal required int Changes { get; init; }

    /// <summary>When the loop took it; null where it did not yet, or keeps it until an examination is over.</summary>
    internal TimeSpan? TakenAt { get; set; }

    /// <summary>Another request of its kind was under way, and answers this one too.</summary>
    internal required bool Joins { get; init; }

    /// <summary>A halt or kill, with a start afterwards or without.</summary>
    internal bool IsStop => Event is MachineEvent.HaltRequested or MachineEvent.KillRequested || IsRestart;

    internal bool IsRestart => Event is MachineEvent.RestartRequested or MachineEvent.ResetRequested;

    internal bool IsStart => Event is MachineEvent.StartRequested || IsRestart;
}

/// <summary>The clients of one daemon: what they asked for, and that what they were answered is so (I4).</summary>
internal sealed class Clients(SimulatedHost host, Watcher watcher)
{
    private readonly List<ClientRequest> _unanswered = [];
    private readonly HashSet<long> _answered = [];

    internal int Unanswered => _unanswered.Count;

    internal bool HasUnanswered<T>() where T : MachineEvent => _unanswered.Exists(static request => request.Event is T);

    internal bool StopIsUnanswered => _unanswered.Exists(static request => request.IsStop);

    internal void Ask(MachineLoop loop, Func<long, MachineEvent.Request> make)
    {
        MachineEvent.Request? made = null;
        var boot = host.Live;
        var answer = loop.AskAsync(id => made = make(id));
        var request = new ClientRequest { Event = made!, Answer = answer, Boot = boot, Changes = boot?.Changes ?? 0, Joins = _unanswered.Exists(other => made is not null && other.Event.GetType() == made.GetType()) };
        watcher.Expectations.Asked(request);
        _unanswered.Add(request);
        LookAtAnswers();
    }

    /// <summary>The machine gave an answer; each request gets one.</summary>
    internal void AnswerBegun(MachineEffect.Answer answer)
    {
        if (!_answered.Add(answer.RequestId) && !watcher.DefectInjected)
            throw new ViolationException($"request {answer.RequestId} was answered twice, the second time with {answer.Outcome}");
    }

    internal void Taken(MachineEvent.Request taken)
    {
        foreach (var request in _unanswered)
        {
            if (request.Event.Id == taken.Id)
                request.TakenAt = host.Clock.Elapsed;
        }
    }

    /// <summary>A halt that is not to kill is answered at the end of its grace time. All that needs no time has happened.</summary>
    internal void CheckGraceTimes()
    {
        foreach (var request in _unanswered)
        {
            if (request.Event is MachineEvent.HaltRequested { Options: { KillAfterwards: false } options })
                Require(request.TakenAt is not { } taken || host.Clock.Elapsed <= taken + options.Grace, request, "is not answered at the end of its grace time");
        }
    }

    internal void LookAtAnswers()
    {
        for (var index = _unanswered.Count - 1; index >= 0; index--)
        {
            var request = _unanswered[index];
            if (!request.Answer.IsCompletedSuccessfully)
                continue;

            _unanswered.RemoveAt(index);
            var outcome = request.Answer.Result;
            watcher.Note($"  answer to {request.Event}: {outcome}");
            if (outcome is Outcome.Refused { Refusal: var refusal })
                CheckRefusal(request, refusal);
            else
                CheckDone(request, (Outcome.Done)outcome);
            watcher.Expectations.Answered(request, outcome, laterStart: _unanswered.Exists(static other => other.IsStart));
        }
    }

    private void CheckRefusal(ClientRequest request, Refusal refusal)
    {
        var isExpected = refusal.Error is VmHostError.FailedPrecondition or VmHostError.Aborted
            || (refusal.Error == VmHostError.DeadlineExceeded && request.Boot is { IgnoresButton: true });
        Require(!watcher.IsHealthy || isExpected, request, $"failed on a healthy host: {refusal.Message}");
        Require(refusal.Message.Length > 0, request, "was refused without a reason");
        Require(!refusal.Message.StartsWith("an internal error", StringComparison.Ordinal) || watcher.DefectInjected, request, $"failed with an internal error: {refusal.Message}");
    }

    private void CheckDone(ClientRequest request, Outcome.Done done)
    {
        switch (request.Event)
        {
            case MachineEvent.DeleteRequested { EvenUnknown: false } when host.Disk.IsDamaged:
                Require(false, request, "was carried out although what the machine does cannot be known");
                break;
            case MachineEvent.HaltRequested or MachineEvent.KillRequested:
                Require(host.Live is null, request, "was answered although a process of the machine lives");
                var obeys = request is { Event: MachineEvent.HaltRequested halt, Boot: { GuestHalted: false } boot } && (boot.Control == ControlChannel.Qmp || boot.Run == GuestRun.Runs) && (halt.Options.ConsoleLine is not null || !boot.IgnoresButton);
                Require(!done.Killed || !watcher.IsHealthy || !obeys, request, "was answered with 'killed', and the guest would have powered off");
                Require(!done.Killed || host.Boots[^1].Reason == ExitReason.Killed || host.Disk.Exit?.Nonce != host.Boots[^1].Record.Nonce, request, "was answered with 'killed', and nothing was killed");
                break;
            case MachineEvent.StartRequested when done.Changed:
                Require(host.Boots is [.., { Hypervisor: not ProcessState.NotStarted, Reason: not ExitReason.StartFailed }], request, "was answered although no hypervisor ran");
                break;
            case MachineEvent.RestartRequested or MachineEvent.ResetRequested:
                Require(host.Boots is [.., { Hypervisor: not ProcessState.NotStarted, Reason: not ExitReason.StartFailed }], request, "was answered although no hypervisor ran");
                Require(request.Boot is null || host.Boots[^1] != request.Boot, request, "was answered although the boot is still the one before");
                break;
            case MachineEvent.PauseRequested when done.Changed:
                Require(!IsUnchanged(request) || host.Live!.Run != GuestRun.Runs, request, "was answered although the guest runs");
                break;
            case MachineEvent.ResumeRequested when done.Changed:
                Require(!IsUnchanged(request) || host.Live!.Run == GuestRun.Runs, request, "was answered although the guest stands still");
                break;
            case MachineEvent.UpdateRequested update when !HasUnanswered<MachineEvent.UpdateRequested>() && (done.Changed || !host.Disk.IsBehind):
                Require(host.Disk.Record is not { } record || update.Change.Apply(record, isAtRest: false) is var same && same.Restart == record.Restart && (same.PendingSpec ?? same.Spec) == (record.PendingSpec ?? record.Spec), request, $"was answered although {host.Disk.Record?.Restart} and {host.Disk.Record?.PendingSpec ?? host.Disk.Record?.Spec} are on disk");
                break;
            case MachineEvent.DeleteRequested:
                Require(host.Disk.Record is null && !host.LockHeld, request, "was answered although something of the machine is left");
                break;
            default:
                break;
        }
    }

    private bool IsUnchanged(ClientRequest request) => !request.Joins && host.Live is { } live && live == request.Boot && live.Changes == request.Changes;

    private static void Require(bool holds, ClientRequest request, string problem)
    {
        if (!holds)
            throw new ViolationException($"I4: {request.Event} {problem}");
    }
}
