using VmHost.Machines.Events;
using VmHost.Specs;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The part that ends it on somebody's word.</summary>
public sealed partial class Machine
{
    /// <summary>Asks the guest to power off and returns once the process is gone.</summary>
    /// <returns>Null when it did not run.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.DeadlineExceeded"/>: it still runs and was not to be killed;
    /// <see cref="VmHostError.FailedPrecondition"/>: its state is unknown.
    /// </exception>
    public async Task<StopResult?> HaltAsync(HaltOptions options, CancellationToken ct)
    {
        var (boot, waited) = await BeginStopAsync(killRequested: options.KillAfterwards, resumeFirst: true, ct);
        if (boot is null)
            return waited ? StopResult.Ended : null;

        // From here on nothing is called off: a halt that was begun goes on when the caller is gone.
        var result = await _services.Ladder.HaltAsync(boot, ControlOf(boot), options, _snapshot.Name, TellHaltAsync);
        if (result == StopResult.StillRuns)
        {
            await GiveUpStopAsync(boot);
            throw new VmHostException(
                VmHostError.DeadlineExceeded,
                $"machine {_snapshot.Name} did not power off within {options.Grace.TotalSeconds:0.#} s and still runs; end it with: vmctl kill {_snapshot.Name}");
        }

        await WaitForEndOfAsync(boot.Run.Boot);
        return result;
    }

    /// <summary>Kills the hypervisor and returns once it is gone.</summary>
    /// <returns>False when it did not run.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: its state is unknown and no process could be proved to be its own;
    /// <see cref="VmHostError.Internal"/>: the process does not go.
    /// </exception>
    public async Task<bool> KillAsync(CancellationToken ct)
    {
        if (_snapshot.State == MachineState.Unknown)
            return await KillUnknownAsync(ct);

        var (boot, waited) = await BeginStopAsync(killRequested: true, resumeFirst: false, ct);
        if (boot is null)
            return waited;

        try
        {
            await _services.Ladder.KillAsync(boot);
        }
        catch (TimeoutException)
        {
            throw new VmHostException(VmHostError.Internal, $"hypervisor {boot.Run.HypervisorPid} of machine {_snapshot.Name} was sent SIGKILL and is still there; the kernel does not let go of it (look at its state in ps)");
        }

        await WaitForEndOfAsync(boot.Run.Boot);
        return true;
    }

    private async Task<(SupervisedBoot? Boot, bool Waited)> BeginStopAsync(bool killRequested, bool resumeFirst, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (_snapshot.State == MachineState.Unknown)
                throw UnknownState();
            if (_snapshot.State == MachineState.Backoff)
            {
                _record = _record! with { StoppedByHand = true };
                EndWaitingLocked("it was halted");
                return (null, true);
            }

            if (_boot is null)
                return (null, false);

            if (resumeFirst)
                await ResumeForHaltLockedAsync(_boot);

            _killRequested = _killRequested || killRequested;
            MoveLocked(MachineEvent.StopRequested);
            SetStoppedByHandLocked(true);
            return (_boot, false);
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task GiveUpStopAsync(SupervisedBoot boot)
    {
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            if (_boot != boot || _snapshot.State != MachineState.Stopping)
                return;

            PublishLocked(HostEventKind.MachineHalting, HaltStep.GivenUp);
            MoveLocked(MachineEvent.StopGivenUp);
            SetStoppedByHandLocked(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    // The next daemon is to know it too, should this one not live to see the end. A disk that refuses keeps nobody from
    // ending a machine.
    private void SetStoppedByHandLocked(bool byHand)
    {
        if (_record!.StoppedByHand == byHand)
            return;

        _record = _record with { Seq = _record.Seq + 1, StoppedByHand = byHand };
        SaveLocked();
    }

    private async Task TellHaltAsync(HaltStep step, string detail)
    {
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            if (_snapshot.State == MachineState.Stopping)
                _snapshot = _snapshot with { StateDetail = detail };

            PublishLocked(HostEventKind.MachineHalting, step, detail);
        }
        finally
        {
            _gate.Release();
        }
    }
}
