using Microsoft.Extensions.Logging;
using VmHost.Machines.Events;
using VmHost.Posix;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The part that starts it again by its restart policy.</summary>
public sealed partial class Machine
{
    private CancellationTokenSource? _waiting;

    /// <summary>Changes its restart policy, whatever it does. What it waits for by the old one goes on if the new one wants it too.</summary>
    /// <returns>False when it had this policy already.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: the policy; <see cref="VmHostError.ResourceExhausted"/>: it cannot be saved,
    /// and the old one holds; <see cref="VmHostError.FailedPrecondition"/>: the machine's record cannot be read.
    /// </exception>
    public async Task<bool> UpdateAsync(RestartPolicy policy, CancellationToken ct)
    {
        if (policy.Fault() is { } fault)
            throw VmHostException.ForFaults([fault]);

        await _gate.WaitAsync(ct);
        try
        {
            if (_deleted)
                throw new VmHostException(VmHostError.NotFound, $"machine {_snapshot.Name} was deleted");
            if (_record is null)
                throw UnknownState();
            if (_record.Restart == policy)
                return false;

            var updated = _record with { Seq = _record.Seq + 1, Restart = policy };
            try
            {
                _services.Store.SaveDurably(updated);
            }
            catch (IOException e)
            {
                SaveLocked();   // the old one, should only the last step have failed: what was refused must not be there later
                throw new VmHostException(VmHostError.ResourceExhausted, $"the restart policy of machine {_snapshot.Name} cannot be saved, and stays as it was: {e.Message}");
            }

            _record = updated;
            _snapshot = _snapshot with { Restart = policy };
            PublishLocked(HostEventKind.MachineUpdated);
            if (_snapshot.State == MachineState.Backoff && policy.Mode == RestartMode.No)
                EndWaitingLocked("its restart policy was taken away");

            return true;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Whether the host booted since it last ran, and it is to run with it.</summary>
    internal bool WantsStartWithHost =>
        Volatile.Read(ref _record) is { Boot: { } boot } record && MachineTransitions.IsAtRest(_snapshot.State)
        && boot.HostBootId != ProcessIdentity.HostBootId && RestartRules.StartsWithHost(record);

    /// <summary>Starts it with the host. Returns when it runs, or waits for its next attempt. Never throws.</summary>
    internal async Task StartWithHostAsync()
    {
        CancellationToken cancelled;
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            if (_deleted || !WantsStartWithHost)
                return;

            _record = _record! with { StoppedByHand = false, Retry = new(1, _services.Time.GetUtcNow()) };
            MoveLocked(MachineEvent.RestartScheduled, static snapshot => snapshot with { StateDetail = "starts with the host" });
            cancelled = NewWaitLocked();
        }
        finally
        {
            _gate.Release();
        }

        await StartAgainAsync(cancelled);
    }

    // How it ended is on record; perhaps its policy had not done with it.
    private void AdoptEndedLocked(ExitSummary exit)
    {
        if (_record!.Retry is not { NextAt: { } due })
        {
            SetLocked(exit.Expected ? MachineState.Stopped : MachineState.Failed, _record.RestDetail ?? exit.Detail);
            return;
        }

        // The clock may have been set meanwhile: nobody waits longer than they could have been told to.
        var left = due - _services.Time.GetUtcNow();
        var delay = left < TimeSpan.Zero ? TimeSpan.Zero : left;
        if (delay > RestartRules.LongestDelay)
        {
            delay = RestartRules.LongestDelay;
            _record = _record with { Retry = _record.Retry with { NextAt = _services.Time.GetUtcNow() + delay } };
        }

        SetLocked(MachineState.Backoff, _record.RestDetail ?? exit.Detail);
        BeginWaitingLocked(delay);
    }

    private void BeginWaitingLocked(TimeSpan delay)
    {
        // Whoever follows the console goes on following: the machine is going to write more.
        Console.SetLive(true);
        _ = StartLaterAsync(delay, NewWaitLocked());
    }

    // The end of Backoff that is no start: on somebody's word.
    private void EndWaitingLocked(string why)
    {
        StopWaitingLocked();
        var last = _record!.LastExit;
        RestLocked(
            last is { Expected: true } ? MachineEvent.EndedWell : MachineEvent.EndedBadly,
            new RestartDecision.Stay(),
            $"not started again, as {why}; before: {last?.Detail ?? "it did not run"}",
            null);
    }

    private CancellationToken NewWaitLocked()
    {
        StopWaitingLocked();
        _waiting = new CancellationTokenSource();
        return _waiting.Token;
    }

    private void StopWaitingLocked()
    {
        _waiting?.Cancel();
        _waiting?.Dispose();
        _waiting = null;
    }

    private async Task StartLaterAsync(TimeSpan delay, CancellationToken cancelled)
    {
        try
        {
            await Task.Delay(delay, _services.Time, cancelled);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        await StartAgainAsync(cancelled);
    }

    private async Task StartAgainAsync(CancellationToken cancelled)
    {
        SupervisedBoot? boot = null;
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            if (cancelled.IsCancellationRequested || _snapshot.State != MachineState.Backoff)
                return;

            _record = _record! with { Retry = _record.Retry! with { NextAt = null } };
            (boot, _) = await BeginBootLockedAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is VmHostException or IOException or UnauthorizedAccessException)
        {
            LogNotStartedAgain(e, _snapshot.Name);

            // Where a boot began and ended, its end has been dealt with.
            if (_snapshot.State is MachineState.Backoff or MachineState.Starting && _record!.Retry is { NextAt: null })
                RestLocked(MachineEvent.EndedBadly, RestartRules.AfterFailedStart(_record!, Random.Shared.NextDouble()), e.Message, null);
        }
        finally
        {
            _gate.Release();
        }

        if (boot is not null)
            await ConfirmUnaskedAsync(boot);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: could not be started again.")]
    private partial void LogNotStartedAgain(Exception e, string machine);
}
