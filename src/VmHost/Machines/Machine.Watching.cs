using Microsoft.Extensions.Logging;
using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The part that finds out what became of a machine: at the daemon's start, and when its shim is gone.</summary>
public sealed partial class Machine
{
    private static readonly TimeSpan AdoptionLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LookAgainAtSilent = TimeSpan.FromSeconds(5);

    /// <summary>Finds out, once, after the daemon's start, what the machine does. Never throws.</summary>
    internal async Task AdoptAsync()
    {
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            if (_record is null)
                return;   // it stays Unknown, with the problem as its detail

            if (_record.Boot is null)
                SetLocked(MachineState.Created, "");
            else if (_record.LastExit?.Boot == _record.Boot.Number)
                AdoptEndedLocked(_record.LastExit);
            else
                await AdoptUnendedLockedAsync(_record.Boot);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whether it runs could not be found out: that is what Unknown is for.
            LogNotAdopted(e, _snapshot.Name);
            SetLocked(MachineState.Unknown, e.Message);
        }
        finally
        {
            _gate.Release();
        }
    }

    private Task AdoptUnendedLockedAsync(BootRecord boot)
    {
        // Whatever it turns out to do, nobody else gets its disks before that is known.
        _services.Claims.ClaimUnasked(_snapshot.Name, _record!.Spec);
        return AdoptBootLockedAsync(boot, AdoptionLimit);
    }

    private async Task AdoptBootLockedAsync(BootRecord boot, TimeSpan limit)
    {
        if (await FindBootLockedAsync(boot, limit) is { } found)
        {
            AttachLocked(found);
            MoveLocked(MachineEvent.Started);
            if (_record!.PausedBoot == boot.Number)
                MoveLocked(MachineEvent.Paused);

            LogAdopted(_snapshot.Name, found.Run.HypervisorPid);
            return;
        }

        var end = await SupervisedBoot.FindEndAsync(boot.Nonce, Paths, _services.Time);
        if (end is BootEnd.Silent)
            LoseSightLocked();
        else
            await EndOrRebootLockedAsync(BootJudge.Judge(end, boot, Paths, killRequested: _record!.StoppedByHand, _services.Time.GetUtcNow()));
    }

    // Tries again while something of it lives: perhaps its shim was started a moment ago and has not written who it is, or
    // this process cannot open a file just now. Null: nothing lives, or nothing that answers.
    private async Task<SupervisedBoot?> FindBootLockedAsync(BootRecord boot, TimeSpan limit)
    {
        var since = _services.Time.GetTimestamp();
        do
        {
            using var tooLong = new CancellationTokenSource(limit, _services.Time);
            try
            {
                if (await SupervisedBoot.ConnectAsync(_snapshot.Id, boot.Nonce, Paths, Console, _services.Time, tooLong.Token) is { } found)
                    return found;
            }
            catch (OperationCanceledException)
            {
                // It took the connection and says nothing.
            }

            if (IsDead())
                return null;

            await Task.Delay(LookAgain, _services.Time, CancellationToken.None);
        }
        while (_services.Time.GetElapsedTime(since) < limit);
        return null;
    }

    // A lock that cannot be looked at proves nothing.
    private bool IsDead()
    {
        try
        {
            return !FileLock.IsHeld(Paths.Lock);
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void AttachLocked(SupervisedBoot boot)
    {
        _boot = boot;
        Console.BeginBoot(new(boot.Run.Boot, boot.Run.ConsoleBegin));
        _ = TellConsoleSizeAsync(boot);
        _snapshot = _snapshot with { HypervisorPid = boot.Run.HypervisorPid, ShimPid = boot.Run.ShimPid };
        _ = WatchAsync(boot);
        if (HypervisorCatalog.Get(_record!.Boot!.Hypervisor).Control == ControlChannel.Qmp)
            _ = EndHaltedAsync(boot);
    }

    private async Task WatchAsync(SupervisedBoot boot)
    {
        var end = await boot.Ended;
        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            _boot = null;
            if (end is BootEnd.Silent)
                LoseSightLocked();
            else
                await EndOrRebootLockedAsync(JudgeLocked(boot, end));
        }
        finally
        {
            _gate.Release();
        }

        await boot.DisposeAsync();
    }

    // Something holds the lock and no shim answers. Nothing is signalled: that it is dead is not proved.
    private void LoseSightLocked()
    {
        MoveLocked(MachineEvent.SightLost, snapshot => snapshot with { StateDetail = "shim-silent: a process of it runs and its shim does not answer" });
        _ = LookAgainAsync();
    }

    private async Task LookAgainAsync()
    {
        while (_snapshot.State == MachineState.Unknown)
        {
            await Task.Delay(LookAgainAtSilent, _services.Time, CancellationToken.None);
            await _gate.WaitAsync(CancellationToken.None);
            try
            {
                if (_snapshot.State == MachineState.Unknown)
                    await AdoptAgainLockedAsync();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                LogNotAdopted(e, _snapshot.Name);
            }
            finally
            {
                _gate.Release();
            }
        }
    }

    private async Task AdoptAgainLockedAsync()
    {
        if (FileLock.IsHeld(Paths.Lock))
        {
            using var limit = new CancellationTokenSource(LookAgainAtSilent, _services.Time);
            try
            {
                if (await SupervisedBoot.ConnectAsync(_record!.Id, _record.Boot!.Nonce, Paths, Console, _services.Time, limit.Token) is { } boot)
                {
                    AttachLocked(boot);
                    MoveLocked(MachineEvent.Started);
                    LogAdopted(_snapshot.Name, boot.Run.HypervisorPid);
                }
            }
            catch (OperationCanceledException)
            {
                // Still silent.
            }

            return;
        }

        var end = await SupervisedBoot.FindEndAsync(_record!.Boot!.Nonce, Paths, _services.Time);
        EndLocked(BootJudge.Judge(end, _record.Boot, Paths, _killRequested || _record.StoppedByHand, _services.Time.GetUtcNow()));
    }

    // The only way in which a process is signalled whose shim does not vouch for it: number and start time, as the shim
    // wrote them, must both be right, and the lock must be held, so something of this machine does live.
    private async Task<bool> KillUnknownAsync(CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (_record?.Boot is not { } bootRecord || !FileLock.IsHeld(Paths.Lock))
                throw new VmHostException(VmHostError.FailedPrecondition, $"no process of machine {_snapshot.Name} is left to kill ({_snapshot.StateDetail}); remove it with: vmctl rm --force {_snapshot.Name}");

            var run = LoadRun(bootRecord);
            if (!TryKill(run))
                throw NoProof();

            _killRequested = true;
            SetStoppedByHandLocked(true);
            var end = await SupervisedBoot.FindEndAsync(bootRecord.Nonce, Paths, _services.Time);
            if (end is BootEnd.Silent)
                throw NoProof();

            EndLocked(BootJudge.Judge(end, bootRecord, Paths, killRequested: true, _services.Time.GetUtcNow()));
            return true;
        }
        finally
        {
            _gate.Release();
        }
    }

    private bool TryKill(RunRecord run)
    {
        try
        {
            var proved = ProcessIdentity.SignalIfSame(run.HypervisorPid, run.HypervisorStartTime, Signals.Kill);
            return ProcessIdentity.SignalIfSame(run.ShimPid, run.ShimStartTime, Signals.Kill) || proved;
        }
        catch (IOException e)
        {
            throw new VmHostException(VmHostError.FailedPrecondition, $"whether a process is machine {_snapshot.Name}'s cannot be found out now: {e.Message}");
        }
    }

    private RunRecord LoadRun(BootRecord boot)
    {
        try
        {
            var run = RunRecord.Load(Paths.Directory);
            return run.Nonce == boot.Nonce && run.HostBootId == ProcessIdentity.HostBootId ? run : throw NoProof();
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw NoProof();
        }
    }

    private VmHostException NoProof() =>
        new(VmHostError.FailedPrecondition, $"no process could be proved to be machine {_snapshot.Name}'s, so none was signalled; find who holds its lock with: fuser {Paths.Lock}");

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine}: found running as process {ProcessId}.")]
    private partial void LogAdopted(string machine, int processId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Machine}: could not find out whether it runs.")]
    private partial void LogNotAdopted(Exception e, string machine);

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Machine}: the hypervisor neither answers nor writes; killing it.")]
    private partial void LogHangs(string machine);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: no digest of its files.")]
    private partial void LogNoDigest(Exception e, string machine);
}
