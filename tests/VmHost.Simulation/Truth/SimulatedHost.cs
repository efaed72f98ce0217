using System.Globalization;
using VmHost.Hypervisors;
using VmHost.State;

namespace VmHost.Simulation.Truth;

/// <summary>The host as it really is: its disk, its processes and its faults. It survives every daemon.</summary>
internal sealed class SimulatedHost(Dice dice)
{
    private int _hostBoots = 1;
    private int _nonces;

    internal SimulatedClock Clock { get; } = new();

    internal SimulatedDisk Disk { get; } = new();

    /// <summary>All boots that ever began; the last one is the newest.</summary>
    internal List<SimulatedBoot> Boots { get; } = [];

    /// <summary>A daemon that starts a boot has the lock until the shim has it too.</summary>
    internal bool LauncherHoldsLock { get; set; }

    internal string HostBootId => string.Create(CultureInfo.InvariantCulture, $"host-{_hostBoots}");

    internal bool LockHeld => LauncherHoldsLock || Boots.Exists(static boot => boot.Lives);

    internal SimulatedBoot? Live => Boots.FindLast(static boot => boot.Lives);

    /// <summary>The next hypervisor fails at its start.</summary>
    internal bool NextStartFails { get; set; }

    /// <summary>The next hypervisor hangs at its start.</summary>
    internal bool NextStartHangs { get; set; }

    /// <summary>The guests ignore the power button.</summary>
    internal bool ButtonIgnored { get; set; }

    /// <summary>The disk of the guest is full: whatever it writes stops it.</summary>
    internal bool DataDiskFull { get; set; }

    /// <summary>A boot cannot be prepared.</summary>
    internal bool PreparationFails { get; set; }

    /// <summary>What the hypervisor is asked for next: it refuses, or it does it and does not say so.</summary>
    internal ControlFault NextControl { get; set; }

    /// <summary>Deletion of files fails in the middle.</summary>
    internal bool DeletionFails { get; set; }

    /// <summary>The effect that is worked on next fails in a way that no code expects.</summary>
    internal bool EffectThrows { get; set; }

    /// <summary>Called with each end of a hypervisor, and again where its reason is lost.</summary>
    internal Action<ExitReason>? Ended { get; set; }

    internal string NewNonce() => string.Create(CultureInfo.InvariantCulture, $"nonce-{++_nonces}");

    internal SimulatedBoot? ByNonce(string nonce) => Boots.Find(boot => boot.Record.Nonce == nonce);

    /// <summary>Starts a shim, which has the lock from the beginning.</summary>
    internal SimulatedBoot Spawn(BootRecord record)
    {
        var boot = new SimulatedBoot(record, HypervisorCatalog.Get(record.Hypervisor).Control);
        Boots.Add(boot);
        return boot;
    }

    /// <summary>Lets one of the processes do what it would do by itself.</summary>
    /// <returns>False where there is nothing to do.</returns>
    internal bool TryProgress()
    {
        foreach (var boot in Boots)
        {
            if (boot.Lives && TryProgress(boot))
                return true;
        }

        return false;
    }

    /// <summary>The hypervisor ends.</summary>
    internal void EndHypervisor(SimulatedBoot boot, ExitReason reason)
    {
        if (boot.Hypervisor != ProcessState.Lives)
            return;

        boot.Reason = reason;
        boot.EndedAt = Clock.Elapsed;
        boot.Hypervisor = boot.ShimLives ? ProcessState.Zombie : ProcessState.Gone;
        Ended?.Invoke(boot.ShimLives ? reason : ExitReason.ShimLost);
    }

    /// <summary>The shim is killed; the hypervisor loses its terminal, and ends too.</summary>
    internal void KillShim(SimulatedBoot boot)
    {
        boot.ShimLives = false;
        if (!boot.ExitRecorded)
            Ended?.Invoke(ExitReason.ShimLost);
        if (boot.Hypervisor == ProcessState.Zombie)
            boot.Hypervisor = ProcessState.Gone;
    }

    /// <summary>Nothing knows any more of a start whether its guest ever ran.</summary>
    internal void ForgetStarts()
    {
        foreach (var boot in Boots)
            boot.OutlivedDaemon = true;
    }

    internal void Reboot()
    {
        _hostBoots++;
        LauncherHoldsLock = false;
        foreach (var boot in Boots.Where(static boot => boot.Lives))
        {
            KillShim(boot);
            boot.Hypervisor = ProcessState.Gone;
        }

        Disk.LosePower(dice.Chance(0.5));
    }

    /// <summary>Ends all faults but those that have happened.</summary>
    internal void Heal()
    {
        Disk.Mood = DiskMood.Works;
        (NextStartFails, NextStartHangs, DataDiskFull, PreparationFails, DeletionFails, EffectThrows) = (false, false, false, false, false, false);
        NextControl = ControlFault.None;
        foreach (var boot in Boots)
            (boot.ShimSilent, boot.Unkillable, boot.MonitorHangs, boot.Hangs) = (false, false, false, boot.Hangs && !boot.OutlivedDaemon);
    }

    private bool TryProgress(SimulatedBoot boot)
    {
        if (boot.Hypervisor == ProcessState.Lives && !boot.Unkillable && (boot.KillSent || !boot.ShimLives))
        {
            EndHypervisor(boot, ExitReason.Killed);
            return true;
        }

        return (boot.ShimLives && !boot.ShimSilent && TryProgressShim(boot)) || TryProgressGuest(boot);
    }

    private bool TryProgressShim(SimulatedBoot boot)
    {
        switch (boot.Hypervisor)
        {
            case ProcessState.NotStarted:
                StartHypervisor(boot);
                return true;
            case ProcessState.Zombie:
                boot.Hypervisor = ProcessState.Gone;
                return true;
            case ProcessState.Gone when !boot.ExitRecorded:
                boot.ExitRecorded = true;
                if (Disk.Mood != DiskMood.Works)
                    Ended?.Invoke(ExitReason.ShimLost);
                else
                    Disk.Exit = new(boot.Number, boot.Record.Nonce, boot.Reason, boot.EndedAt - boot.StartedAt, Clock.GetUtcNow(), boot.Report is { Length: > 0 } error ? error : null);
                return true;
            case ProcessState.Gone:
                boot.ShimLives = false;
                return true;
            default:
                return false;
        }
    }

    private void StartHypervisor(SimulatedBoot boot)
    {
        boot.StartedAt = Clock.Elapsed;
        boot.EndedAt = Clock.Elapsed;

        // A hypervisor that no record names must not live.
        if (NextStartFails || Disk.Mood != DiskMood.Works)
        {
            NextStartFails = false;
            boot.Hypervisor = ProcessState.Gone;
            boot.Reason = ExitReason.StartFailed;
            boot.Report = "the hypervisor does not run";
            return;
        }

        boot.Hypervisor = ProcessState.Lives;
        boot.Hangs = NextStartHangs && boot.Control == ControlChannel.Qmp;
        boot.IgnoresButton = ButtonIgnored;
        boot.PressesUnseen = dice.Next(2);
        NextStartHangs = false;
        Disk.RunNonce = boot.Record.Nonce;
        boot.Report = "";
    }

    private bool TryProgressGuest(SimulatedBoot boot)
    {
        if (!boot.GuestCanAct)
            return false;

        if (!boot.Ready)
        {
            boot.Ready = true;
            return true;
        }

        if (boot.ButtonPressed && !boot.IgnoresButton)
        {
            EndHypervisor(boot, ExitReason.PowerOff);
            return true;
        }

        if (DataDiskFull && boot.Control == ControlChannel.Qmp)
        {
            boot.SetRun(GuestRun.IoError);
            return true;
        }

        return false;
    }
}

/// <summary>What goes wrong with a request to the hypervisor.</summary>
internal enum ControlFault
{
    None,

    /// <summary>The hypervisor refuses.</summary>
    Refuses,

    /// <summary>The hypervisor does it, and its answer is lost.</summary>
    AnswerLost,
}
