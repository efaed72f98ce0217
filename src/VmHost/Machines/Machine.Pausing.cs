using VmHost.Hypervisors;
using VmHost.Specs;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The part that stops a guest's processors and lets them go on.</summary>
public sealed partial class Machine
{
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(10);

    /// <summary>Stops the guest's processors.</summary>
    /// <returns>False when it was paused already.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it does not run, or its hypervisor has no pause;
    /// <see cref="VmHostError.HypervisorFailed"/>: the hypervisor did not do it.
    /// </exception>
    public Task<bool> PauseAsync(CancellationToken ct) =>
        SetPausedAsync(MachineState.Paused, MachineEvent.Paused, static (control, limit) => control.PauseAsync(limit), ct);

    /// <summary>Lets a paused guest go on.</summary>
    /// <returns>False when it was not paused.</returns>
    /// <exception cref="VmHostException">As <see cref="PauseAsync"/>.</exception>
    public Task<bool> ResumeAsync(CancellationToken ct) =>
        SetPausedAsync(MachineState.Running, MachineEvent.Resumed, static (control, limit) => control.ResumeAsync(limit), ct);

    private async Task<bool> SetPausedAsync(
        MachineState wanted, MachineEvent happened, Func<GuestControl, CancellationToken, Task> ask, CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (_snapshot.State == wanted)
                return false;
            if (_snapshot.State == MachineState.Unknown)
                throw UnknownState();
            if (_snapshot.State is not (MachineState.Running or MachineState.Paused) || _boot is not { } boot)
                throw new VmHostException(VmHostError.FailedPrecondition, $"machine {_snapshot.Name} does not run, so it can neither be paused nor go on; start it with: vmctl start {_snapshot.Name}");

            await AskLockedAsync(boot, ask);
            MoveLocked(happened);
            SavePausedLocked(happened == MachineEvent.Paused ? boot.Run.Boot : null);
            return true;
        }
        finally
        {
            _gate.Release();
        }
    }

    // A guest whose processors stand still sees no power button.
    private async Task ResumeForHaltLockedAsync(SupervisedBoot boot)
    {
        if (_snapshot.State != MachineState.Paused)
            return;

        await AskLockedAsync(boot, static (control, limit) => control.ResumeAsync(limit));
        MoveLocked(MachineEvent.Resumed);
        SavePausedLocked(null);
    }

    private async Task AskLockedAsync(SupervisedBoot boot, Func<GuestControl, CancellationToken, Task> ask)
    {
        using var limit = new CancellationTokenSource(PauseLimit, _services.Time);
        try
        {
            await ask(ControlOf(boot), limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            throw new VmHostException(VmHostError.HypervisorFailed, $"the hypervisor of machine {_snapshot.Name} did not do it: {e.Message}");
        }
    }

    private GuestControl ControlOf(SupervisedBoot boot) =>
        new(boot, HypervisorCatalog.Get(_record!.Boot!.Hypervisor).Control, Paths);

    // The next daemon is to know it too.
    private void SavePausedLocked(int? boot)
    {
        _record = _record! with { Seq = _record.Seq + 1, PausedBoot = boot };
        SaveLocked();
    }
}
