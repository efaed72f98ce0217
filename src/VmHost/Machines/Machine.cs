using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Images;
using VmHost.Machines.Events;
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
    private SupervisedBoot? _hungBoot;
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
        _keyboard = new ConsoleKeyboard(services.Time);
        _snapshot = new MachineSnapshot
        {
            Id = id,
            Name = record?.Name ?? id,
            Spec = record?.Spec,
            State = MachineState.Created,
            CreatedAt = record?.CreatedAt,
            Boot = record?.Boot,
            LastExit = record?.LastExit,
            Restart = record?.Restart ?? RestartPolicy.Never,
        };
    }

    /// <summary>How it is now.</summary>
    public MachineSnapshot Snapshot => _snapshot;

    internal MachinePaths Paths { get; }

    /// <summary>Of the request that created it; null for none.</summary>
    internal string? RequestId => Volatile.Read(ref _record)?.RequestId;

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
            PublishLocked(HostEventKind.MachineDeleted);
            SignalChangeLocked();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>What became of the run that created it, for one who asks again: a boot that a kill of the daemon broke off begins anew.</summary>
    internal async Task<RunResult> AgainAsync()
    {
        using var limit = new CancellationTokenSource(AdoptionLimit, _services.Time);
        try
        {
            await WaitForAsync(static snapshot => snapshot.State is not (MachineState.Unknown or MachineState.Starting), limit.Token);
        }
        catch (OperationCanceledException)
        {
            // It is as it is, and the answer says so.
        }

        var result = _snapshot is { State: MachineState.Failed, Boot.Number: 1, LastExit.Reason: ExitReason.StartFailed }
            ? await StartAsync(CancellationToken.None)
            : new(false, []);
        return new(this, result.Warnings);
    }

    private async Task<(SupervisedBoot? Boot, ImmutableArray<string> Warnings)> LaunchLockedAsync(CancellationToken ct)
    {
        if (_snapshot.State == MachineState.Unknown)
            throw UnknownState();
        if (_snapshot.State == MachineState.Stopping)
            throw new VmHostException(VmHostError.FailedPrecondition, $"machine {_snapshot.Name} is being stopped; wait for it (vmctl wait {_snapshot.Name}) and start it then");

        StopWaitingLocked();
        _record = _record! with { QuickResets = 0, StoppedByHand = false, Retry = null, RestDetail = null };
        try
        {
            return await BeginBootLockedAsync(ct);
        }
        catch (VmHostException e) when (_snapshot.State is MachineState.Starting or MachineState.Backoff)
        {
            // Whoever asked is told; it is not tried again for them.
            RestLocked(MachineEvent.EndedBadly, new RestartDecision.Stay(), e.Message, null);
            throw;
        }
    }

    // From rest, from Backoff or, when the guest rebooted, from Starting. What it throws leaves the machine in whatever of
    // them it got to, and the caller says what becomes of it.
    private async Task<(SupervisedBoot? Boot, ImmutableArray<string> Warnings)> BeginBootLockedAsync(CancellationToken ct)
    {
        var record = _record!;
        var (hypervisor, plan) = await MachinePlanner.PlanAsync(record.Spec, Paths, _services.Host, ct);
        ThrowIfAny(BootResolver.Recheck(record.Spec.Boot, record.Spec.Memory));
        ThrowIfAny(DeviceFiles.Recheck(record.Spec));
        ThrowIfAny(PortProbe.FindTaken(record.Spec.PublishedPorts));
        _services.Space.ThrowIfLow();
        _services.Claims.Claim(record.Name, record.Spec);

        var next = _launcher.WithNextBoot(record, hypervisor.Kind, plan);
        _killRequested = false;
        if (_snapshot.State != MachineState.Starting)
            MoveLocked(MachineEvent.StartRequested);

        _snapshot = _snapshot with { Boot = next.Boot, Digests = [] };
        try
        {
            var (error, notDurable) = await _launcher.LaunchAsync(next, plan, Paths);
            _record = next;
            var boot = error is null ? await FindBootLockedAsync(next.Boot!, AdoptionLimit) : null;

            if (boot is not null)
                AttachLocked(boot);

            // A hypervisor that ended already took its shim with it; then the shim's word counts. A guest may be that quick.
            else if (await EndWithoutBootLockedAsync(error) is { Reason: ExitReason.StartFailed } failed)
                throw HypervisorFailed(failed);

            return (boot, notDurable is null ? plan.Warnings : plan.Warnings.Add(notDurable));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            NotBegunLocked(record);
            throw new VmHostException(VmHostError.ResourceExhausted, $"machine {_snapshot.Name} was not started, as its records cannot be written: {e.Message}");
        }
        catch (VmHostException) when (_snapshot.State == MachineState.Starting)
        {
            NotBegunLocked(record);
            throw;
        }
    }

    private void NotBegunLocked(MachineRecord record)
    {
        _services.Claims.Release(record.Name);
        _record = record;
        _snapshot = _snapshot with { Boot = record.Boot };
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

        // One that reset itself that quickly reboots as any other, and ends as a reset loop if it goes on.
        await EndOrRebootLockedAsync(exit);
        return exit;
    }

    // Waits outside the gate until it is known that the guest runs.
    private async Task ConfirmAsync(SupervisedBoot boot)
    {
        var ready = await new BootReadiness(_services.Time).WaitAsync(boot, HypervisorCatalog.Get(_record!.Boot!.Hypervisor).Control, Console);
        if (!ready)
        {
            var hung = !boot.Ended.IsCompleted;
            if (hung)
            {
                LogHangs(_snapshot.Name);
                _hungBoot = boot;
                await _services.Ladder.KillAsync(boot);
            }

            var end = await WaitForEndOfAsync(boot.Run.Boot);
            if (end.LastExit is { Reason: ExitReason.StartFailed } failed)
                throw HypervisorFailed(failed);

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
