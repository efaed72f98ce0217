using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Images;
using VmHost.Networking;
using VmHost.ShimContract.Posix;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>What a start came to.</summary>
/// <param name="Changed">False when the machine ran already.</param>
/// <param name="Warnings">What is allowed and probably not meant.</param>
public sealed record StartResult(bool Changed, ImmutableArray<string> Warnings);

/// <summary>
/// One machine. What changes it happens one at a time behind a gate; who only wants to know reads the last snapshot.
/// The gate is never held while a guest is waited for, so that a kill always gets through.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The gate has no wait handle to free, and a machine lives as long as the daemon.")]
public sealed partial class Machine
{
    private readonly MachineServices _services;
    private readonly BootLauncher _launcher;
    private readonly ILogger<Machine> _logger;

    // One operation at a time; guards _record, _boot, _killRequested, _deleted and every change of _snapshot.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private MachineRecord? _record;
    private SupervisedBoot? _boot;
    private bool _killRequested;
    private SupervisedBoot? _haltedBoot;
    private bool _deleted;

    // Swapped whole, so that it is read without the gate.
    private volatile MachineSnapshot _snapshot;
    private volatile TaskCompletionSource _changed = NewSignal();

    /// <summary>A machine that was found on disk, not looked at yet; <see cref="AdoptAsync"/> does that.</summary>
    internal Machine(StoredMachine stored, MachineServices services)
        : this(stored.Id, stored.Record, services) =>
        _snapshot = _snapshot with
        {
            State = MachineState.Unknown,
            StateDetail = stored.Problem is { } problem ? $"corrupt-record: {problem}" : "being looked at after the start of the daemon",
        };

    /// <summary>A new machine. Nothing is on disk before its first start.</summary>
    internal Machine(MachineRecord record, MachineServices services)
        : this(record.Id, record, services)
    {
    }

    private Machine(string id, MachineRecord? record, MachineServices services)
    {
        (_record, _services, _launcher, _logger) = (record, services, new BootLauncher(services), services.Log);
        Paths = services.PathsOf(id);
        Console = new ConsoleFeed(Paths.Console);
        _snapshot = new MachineSnapshot
        {
            Id = id,
            Name = record?.Name ?? id,
            Spec = record?.Spec,
            State = MachineState.Created,
            CreatedAt = record?.CreatedAt,
            Boot = record?.Boot,
            LastExit = record?.LastExit,
        };
    }

    /// <summary>How it is now.</summary>
    public MachineSnapshot Snapshot => _snapshot;

    internal MachinePaths Paths { get; }

    /// <summary>Starts it. Returns when the hypervisor has set the machine up; the guest then boots.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it cannot run now, or is being stopped, or its state is unknown;
    /// <see cref="VmHostError.HypervisorFailed"/>: the hypervisor ended at once, and the message holds what it said.
    /// </exception>
    public async Task<StartResult> StartAsync(CancellationToken ct)
    {
        SupervisedBoot? boot;
        ImmutableArray<string> warnings;
        await _gate.WaitAsync(ct);   // waiting for one's turn can be called off; a start that began cannot
        try
        {
            // It may have been deleted while this call waited for its turn.
            if (_deleted)
                throw new VmHostException(VmHostError.NotFound, $"machine {_snapshot.Name} was deleted");
            if (_snapshot.State is MachineState.Running or MachineState.Starting or MachineState.Paused)
                return new(false, []);

            (boot, warnings) = await LaunchLockedAsync(ct);
        }
        finally
        {
            _gate.Release();
        }

        if (boot is not null)
            await ConfirmAsync(boot);

        return new(true, warnings);
    }

    /// <summary>Asks the guest to power off and returns once the process is gone.</summary>
    /// <returns>Null when it did not run.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.DeadlineExceeded"/>: it still runs and was not to be killed;
    /// <see cref="VmHostError.FailedPrecondition"/>: its state is unknown.
    /// </exception>
    public async Task<StopResult?> HaltAsync(TimeSpan grace, bool killAfterwards, CancellationToken ct)
    {
        var boot = await BeginStopAsync(killRequested: killAfterwards, resumeFirst: true, ct);
        if (boot is null)
            return null;

        // From here on nothing is called off: a halt that was begun goes on when the caller is gone.
        var result = await _services.Ladder.HaltAsync(boot, ControlOf(boot), grace, killAfterwards, _snapshot.Name, CancellationToken.None);
        if (result == StopResult.StillRuns)
        {
            await GiveUpStopAsync(boot);
            throw new VmHostException(
                VmHostError.DeadlineExceeded,
                $"machine {_snapshot.Name} did not power off within {grace.TotalSeconds:0.#} s and still runs; end it with: vmctl kill {_snapshot.Name}");
        }

        await WaitForRestAsync(CancellationToken.None);
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

        var boot = await BeginStopAsync(killRequested: true, resumeFirst: false, ct);
        if (boot is null)
            return false;

        try
        {
            await _services.Ladder.KillAsync(boot);
        }
        catch (TimeoutException)
        {
            throw new VmHostException(VmHostError.Internal, $"hypervisor {boot.Run.HypervisorPid} of machine {_snapshot.Name} was sent SIGKILL and is still there; the kernel does not let go of it (look at its state in ps)");
        }

        await WaitForRestAsync(CancellationToken.None);
        return true;
    }

    /// <summary>Returns the snapshot once no hypervisor runs, for certain.</summary>
    public async Task<MachineSnapshot> WaitForRestAsync(CancellationToken ct)
    {
        while (true)
        {
            var changed = _changed.Task;
            var snapshot = _snapshot;
            if (MachineTransitions.IsAtRest(snapshot.State))
                return snapshot;

            await changed.WaitAsync(ct);
        }
    }

    /// <summary>Runs <paramref name="delete"/> if the machine is at rest; nothing else happens to it meanwhile or afterwards.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>: it is not at rest.</exception>
    internal async Task DeleteAsync(bool evenUnknown, Action delete, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (_snapshot.State == MachineState.Unknown)
            {
                if (!evenUnknown)
                    throw UnknownState();
                if (FileLock.IsHeld(Paths.Lock))
                    throw new VmHostException(VmHostError.FailedPrecondition, $"a process of machine {_snapshot.Name} still runs; end it first with: vmctl kill {_snapshot.Name}");
            }
            else if (!MachineTransitions.IsAtRest(_snapshot.State))
            {
                throw new VmHostException(VmHostError.FailedPrecondition, $"machine {_snapshot.Name} runs; halt it first (vmctl halt {_snapshot.Name}) or remove it with --force");
            }

            delete();
            _deleted = true;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<(SupervisedBoot? Boot, ImmutableArray<string> Warnings)> LaunchLockedAsync(CancellationToken ct)
    {
        if (_snapshot.State == MachineState.Unknown)
            throw UnknownState();
        if (_snapshot.State == MachineState.Stopping)
            throw new VmHostException(VmHostError.FailedPrecondition, $"machine {_snapshot.Name} is being stopped; wait for it (vmctl wait {_snapshot.Name}) and start it then");

        _record = _record! with { QuickResets = 0 };
        return await BeginBootLockedAsync(ct);
    }

    // From rest, or, when the guest rebooted, from Starting.
    private async Task<(SupervisedBoot? Boot, ImmutableArray<string> Warnings)> BeginBootLockedAsync(CancellationToken ct)
    {
        var record = _record!;
        var (hypervisor, plan) = await MachinePlanner.PlanAsync(record.Spec, Paths, _services.Host, ct);
        ThrowIfAny(BootResolver.Recheck(record.Spec.Boot, record.Spec.Memory));
        ThrowIfAny(DeviceFiles.Recheck(record.Spec));
        ThrowIfAny(PortProbe.FindTaken(record.Spec.PublishedPorts));
        ThrowIfAny(_services.Disks.TryClaim(record.Name, record.Spec.Disks));

        var next = _launcher.WithNextBoot(record, hypervisor.Kind, plan);
        _killRequested = false;
        if (_snapshot.State != MachineState.Starting)
            MoveLocked(MachineEvent.StartRequested);

        _snapshot = _snapshot with { Boot = next.Boot, Digests = [] };
        try
        {
            var (error, notDurable) = await _launcher.LaunchAsync(next, plan, Paths);
            _record = next;
            var boot = error is null
                ? await SupervisedBoot.ConnectAsync(next.Id, next.Boot!.Nonce, Paths, Console, _services.Time, CancellationToken.None)
                : null;

            if (boot is not null)
                AttachLocked(boot);

            // A hypervisor that ended already took its shim with it; then the shim's word counts. A guest may be that quick.
            else if (await EndWithoutBootLockedAsync(error) is { Reason: ExitReason.StartFailed } failed)
                throw HypervisorFailed(failed);

            return (boot, notDurable is null ? plan.Warnings : plan.Warnings.Add(notDurable));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _services.Disks.Release(record.Name);
            MoveLocked(MachineEvent.EndedBadly, snapshot => snapshot with { Boot = record.Boot, StateDetail = e.Message });
            throw new VmHostException(VmHostError.ResourceExhausted, $"machine {_snapshot.Name} was not started, as its records cannot be written: {e.Message}");
        }
        catch (VmHostException) when (_snapshot.State == MachineState.Starting)
        {
            _services.Disks.Release(record.Name);
            MoveLocked(MachineEvent.EndedBadly, snapshot => snapshot with { Boot = record.Boot });
            throw;
        }
    }

    private async Task<ExitSummary> EndWithoutBootLockedAsync(string? startError)
    {
        var end = await SupervisedBoot.FindEndAsync(_record!.Boot!.Nonce, Paths, _services.Time);
        if (end is BootEnd.Silent)
        {
            LoseSightLocked();
            throw UnknownState();
        }

        var exit = BootJudge.Judge(end, _record.Boot, Paths, killRequested: false, _services.Time.GetUtcNow());
        if (startError is not null)
            exit = exit with { Reason = ExitReason.StartFailed, Detail = startError, Expected = false };

        EndLocked(exit);
        return exit;
    }

    // Waits outside the gate until it is known that the guest runs.
    private async Task ConfirmAsync(SupervisedBoot boot)
    {
        var ready = await new BootReadiness(_services.Time).WaitAsync(boot, HypervisorCatalog.Get(_record!.Boot!.Hypervisor).Control, Paths, Console);
        if (!ready)
        {
            var hung = !boot.Ended.IsCompleted;
            if (hung)
            {
                LogHangs(_snapshot.Name);
                await _services.Ladder.KillAsync(boot);
            }

            var rest = await WaitForRestAsync(CancellationToken.None);
            if (hung || rest.LastExit!.Reason == ExitReason.StartFailed)
                throw HypervisorFailed(rest.LastExit!);

            return;   // it ran, and ended before anybody looked
        }

        await _gate.WaitAsync(CancellationToken.None);
        try
        {
            if (_boot == boot && _snapshot.State == MachineState.Starting)
                MoveLocked(MachineEvent.Started);
        }
        finally
        {
            _gate.Release();
        }

        _ = ComputeDigestsAsync();
    }

    // Beside the boot, not in its way. A file that cannot be read any more has no digest, and nothing else changes.
    private async Task ComputeDigestsAsync()
    {
        var boot = _snapshot.Boot;
        var files = _snapshot.Spec!.Boot;
        try
        {
            var digests = ImmutableArray.CreateBuilder<ImageDigest>();
            foreach (var path in new[] { files.KernelPath, files.InitrdPath })
            {
                if (path is not null)
                    digests.Add(new(path, await _services.Digests.Sha256Async(path, CancellationToken.None)));
            }

            await _gate.WaitAsync(CancellationToken.None);
            try
            {
                if (_snapshot.Boot == boot)
                    _snapshot = _snapshot with { Digests = digests.ToImmutable() };
            }
            finally
            {
                _gate.Release();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or VmHostException)
        {
            LogNoDigest(e, _snapshot.Name);
        }
    }

    private async Task<SupervisedBoot?> BeginStopAsync(bool killRequested, bool resumeFirst, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (_snapshot.State == MachineState.Unknown)
                throw UnknownState();
            if (_boot is null)
                return null;

            if (resumeFirst)
                await ResumeForHaltLockedAsync(_boot);

            _killRequested = _killRequested || killRequested;
            MoveLocked(MachineEvent.StopRequested);
            return _boot;
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
            if (_boot == boot && _snapshot.State == MachineState.Stopping)
                MoveLocked(MachineEvent.StopGivenUp);
        }
        finally
        {
            _gate.Release();
        }
    }

    private VmHostException UnknownState() =>
        new(VmHostError.FailedPrecondition, $"the state of machine {_snapshot.Name} is unknown ({_snapshot.StateDetail}); end what may be left of it with: vmctl kill {_snapshot.Name}");

    private VmHostException HypervisorFailed(ExitSummary exit)
    {
        var said = System.Text.Encoding.UTF8.GetString(exit.HypervisorLogTail).Trim();
        return new(VmHostError.HypervisorFailed, $"machine {_snapshot.Name} did not start: {exit.Detail}{(said.Length > 0 ? $"; the hypervisor said: {said}" : "")}");
    }

    private static void ThrowIfAny(ImmutableArray<SpecFault> faults)
    {
        if (!faults.IsEmpty)
            throw VmHostException.ForFaults(faults, VmHostError.FailedPrecondition);
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
