using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines.Effects;

/// <summary>Writes down what a boot will run, then starts a shim that runs it.</summary>
internal sealed class BootLauncher(MachineServices services, RecordWriter records)
{
    private static readonly TimeSpan FlushPatience = TimeSpan.FromSeconds(2);

    /// <summary>Saves the record and starts its boot.</summary>
    /// <returns>
    /// Why the hypervisor does not run, or null when it does; and what is not durable yet, or null when all is.
    /// </returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: something of the machine still runs; nothing was changed.
    /// </exception>
    /// <exception cref="IOException">The disk refuses; the boot did not begin.</exception>
    internal async Task<(string? Error, string? NotDurable)> LaunchAsync(MachineRecord record, LaunchPlan plan, MachinePaths paths)
    {
        Directory.CreateDirectory(paths.Directory, PrivateDirectory.OwnerOnly);
        Directory.CreateDirectory(paths.RunDirectory, PrivateDirectory.OwnerOnly);

        // Taken before the record is written and held until the shim has it too: no moment in which it runs unlocked.
        using var machineLock = FileLock.TryTake(paths.Lock)
            ?? throw new VmHostException(VmHostError.FailedPrecondition, $"a process of machine {record.Name} still runs; end it with: vmctl kill {record.Name}") { Reason = ErrorReason.MachineRunning };

        // What a kill left behind: vfkit gives up at a socket that is there, and nothing of this machine runs any more.
        File.Delete(paths.RestSocket);
        File.Delete(paths.QmpSocket);
        foreach (var link in plan.Links)
        {
            File.Delete(link.Path);
            File.CreateSymbolicLink(link.Path, link.Target);
        }

        new LaunchRecord
        {
            MachineId = record.Id,
            Boot = record.Boot!.Number,
            Nonce = record.Boot.Nonce,
            HostBootId = record.Boot.HostBootId,
            Executable = plan.Executable,
            Arguments = plan.Arguments,
            ConsoleOnStandardOutput = plan.ConsoleOnStandardOutput,
            ControlSocket = paths.ShimSocket,
            Journal = services.Journal,
            MonitorDescriptor = plan.MonitorDescriptor,
        }.Save(paths.Directory);
        records.Save(record);

        // A kill of the daemon is survived from here on. That a power failure is too may take until the reply.
        var flushed = Task.Run(() => Flush(record));
        var error = await Task.Run(() => Launch(paths, machineLock));

        // A disk that hangs keeps no caller, and no kill, waiting.
        await Task.WhenAny(flushed, Task.Delay(FlushPatience, services.Time, CancellationToken.None));
        return (error, flushed.IsCompleted ? await flushed : $"the record of machine {record.Name} is not flushed yet and may be lost in a power failure: the disk is slow");
    }

    private string? Launch(MachinePaths paths, FileLock machineLock)
    {
        try
        {
            return services.Launcher.Launch(paths.Directory, machineLock);
        }
        catch (PosixException e)
        {
            return $"vmhost-shim cannot be started: {e.Message}";
        }
    }

    // The boot has begun and cannot be called off for this; the caller gets a warning.
    private string? Flush(MachineRecord record)
    {
        try
        {
            services.Store.Flush(record.Id);
            return null;
        }
        catch (IOException e)
        {
            return $"the record of machine {record.Name} could not be flushed and may be lost in a power failure: {e.Message}";
        }
    }
}
