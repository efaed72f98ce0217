using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Simulation.Checks;
using VmHost.Simulation.Truth;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Simulation.Daemon;

/// <summary>Effects on the machine's directory and on the host: what BootPreparation, BootLauncher and the store do.</summary>
internal sealed class LocalEffects(SimulatedHost host, Watcher watcher)
{
    private static readonly TimeSpan ReportLimit = TimeSpan.FromSeconds(30);

    private SimulatedDisk Disk => host.Disk;

    internal IEnumerable<Wait> OnDisk(MachineEffect effect, SimulatedWorld world)
    {
        yield return Wait.For(() => Disk.Mood != DiskMood.Hangs);
        switch (effect)
        {
            case MachineEffect.Save save when Disk.Mood == DiskMood.Works:
                Disk.Save(save.Record);
                watcher.Saved(save.Record);
                break;
            case MachineEffect.Save:
                Disk.IsBehind = true;
                break;
            case MachineEffect.SaveUpdate update when Disk.Mood == DiskMood.Works:
                Disk.Save(update.Record);
                Disk.Flush();
                watcher.Saved(update.Record);
                world.Post(new MachineEvent.UpdateSaved(update.RequestId, update.Record));
                break;
            case MachineEffect.SaveUpdate update:
                // The last step of all may be the one that fails.
                if (watcher.Chance(0.3))
                {
                    Disk.Save(update.Record);
                    Disk.IsBehind = true;
                }

                world.Post(new MachineEvent.UpdateFailed(update.RequestId, "the disk refuses"));
                break;
            case MachineEffect.Publish { Event: var happened }:
                watcher.Published(happened);
                break;
            default:
                break;   // nothing that is half written is simulated
        }
    }

    internal IEnumerable<Wait> DeleteFiles(SimulatedWorld world)
    {
        yield return Wait.For(() => Disk.Mood != DiskMood.Hangs);
        if (host.LockHeld)
        {
            world.Post(new MachineEvent.DeletionFailed(new(VmHostError.FailedPrecondition, "a process of the machine still runs")));
            yield break;
        }

        if (Disk.Mood == DiskMood.Refuses)
        {
            world.Post(new MachineEvent.DeletionFailed(new(VmHostError.Internal, "the disk refuses")));
            yield break;
        }

        Disk.Delete();
        if (host.DeletionFails)
        {
            // The directory has its new name, and is not empty.
            host.DeletionFails = false;
            world.Post(new MachineEvent.DeletionFailed(new(VmHostError.Internal, "not all of it could be deleted")));
            yield break;
        }

        yield return Wait.Yield;
        world.FilesDeleted = true;
        world.Post(new MachineEvent.FilesDeleted());
    }

    internal IEnumerable<Wait>? InBackground(MachineEffect effect, SimulatedWorld world) =>
        effect switch
        {
            MachineEffect.Prepare prepare => Prepare(prepare.Record, world),
            MachineEffect.Launch launch => Launch(launch, world),
            MachineEffect.ComputeDigests compute => ComputeDigests(compute.Boot, world),
            _ => null,
        };

    private IEnumerable<Wait> Prepare(MachineRecord record, SimulatedWorld world)
    {
        // It reads the kernel's file.
        yield return Wait.For(() => Disk.Mood != DiskMood.Hangs);
        if (host.PreparationFails)
        {
            host.PreparationFails = false;
            watcher.StartFailed();
            world.Post(new MachineEvent.PreparationFailed(new(VmHostError.FailedPrecondition, "a disk of the machine belongs to another one")));
            yield break;
        }

        world.Claimed = true;
        yield return Wait.Yield;
        var kind = record.Spec.Hypervisor;
        var plan = new LaunchPlan { Executable = "/usr/bin/hypervisor", Options = [], ConsoleOnStandardOutput = true };
        var boot = new BootRecord((record.Boot?.Number ?? 0) + 1, host.NewNonce(), host.HostBootId, kind, plan.Executable, [], host.Clock.GetUtcNow());
        world.Post(new MachineEvent.Prepared(boot, plan));
    }

    private IEnumerable<Wait> Launch(MachineEffect.Launch launch, SimulatedWorld world)
    {
        var boot = launch.Record.Boot!;
        yield return Wait.Yield;
        if (host.LockHeld)
        {
            watcher.StartFailed();
            world.Post(new MachineEvent.LaunchFailed(boot.Number, new(VmHostError.FailedPrecondition, "a process of the machine still runs")));
            yield break;
        }

        SimulatedBoot spawned;
        host.LauncherHoldsLock = true;
        try
        {
            yield return Wait.For(() => Disk.Mood != DiskMood.Hangs);
            if (Disk.Mood == DiskMood.Refuses)
            {
                watcher.StartFailed();
                world.Post(new MachineEvent.LaunchFailed(boot.Number, new(VmHostError.ResourceExhausted, "the records cannot be written")));
                yield break;
            }

            Disk.Save(launch.Record);
            watcher.Saved(launch.Record);
            yield return Wait.Yield;
            spawned = host.Spawn(boot);
        }
        finally
        {
            host.LauncherHoldsLock = false;
        }

        yield return new Wait(() => spawned.Report is not null || !spawned.ShimLives, host.Clock.Elapsed + ReportLimit);
        Disk.Flush();
        var error = spawned.Report is not { } report ? "the shim ended without a word" : report.Length == 0 ? null : report;
        if (error is not null)
            watcher.StartFailed();
        world.Post(new MachineEvent.Launched(boot.Number, error, Warning: null));
    }

    private static IEnumerable<Wait> ComputeDigests(int boot, SimulatedWorld world)
    {
        yield return Wait.Yield;
        world.DigestsOf = boot;
        world.Post(new MachineEvent.DigestsComputed(boot, [new("/boot/kernel", "0123")]));
    }
}
