using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.State;

namespace VmHost.Machines.Effects;

/// <summary>
/// Signals processes for which no shim vouches. Number and start time, as the shim wrote them, must both be right, and the
/// machine's own lock must be held, so that something of this machine does live.
/// </summary>
internal static class ProcessKiller
{
    /// <summary>Sends SIGKILL to the hypervisor.</summary>
    internal static MachineEvent KillHypervisor(BootRecord boot, MachinePaths paths, string machine) =>
        Kill(boot, paths, machine, static run => Signal(run.HypervisorPid, run.HypervisorStartTime));

    /// <summary>Sends SIGKILL to the hypervisor and to its shim.</summary>
    internal static MachineEvent KillBoth(BootRecord boot, MachinePaths paths, string machine) =>
        Kill(boot, paths, machine, static run =>
        {
            var hypervisor = Signal(run.HypervisorPid, run.HypervisorStartTime);
            return Signal(run.ShimPid, run.ShimStartTime) || hypervisor;
        });

    private static MachineEvent Kill(BootRecord boot, MachinePaths paths, string machine, Func<RunRecord, bool> kill)
    {
        try
        {
            if (!FileLock.IsHeld(paths.Lock))
                return new MachineEvent.KillFailed(boot.Number, $"no process of machine {machine} is left to kill; remove the machine with: vmctl rm --force {machine}");

            var run = RunRecord.Load(paths.Directory);
            return run.Nonce == boot.Nonce && run.HostBootId == ProcessIdentity.HostBootId && kill(run)
                ? new MachineEvent.KillSent(boot.Number, ShimAnswers: false)
                : NoProof(boot, paths, machine);
        }
        catch (InvalidDataException)
        {
            return NoProof(boot, paths, machine);
        }
        catch (FileNotFoundException)
        {
            return NoProof(boot, paths, machine);
        }
        catch (IOException e)
        {
            return new MachineEvent.KillFailed(boot.Number, $"whether a process is machine {machine}'s cannot be found out now: {e.Message}");
        }
    }

    private static bool Signal(int pid, long startTime) => ProcessIdentity.SignalIfSame(pid, startTime, Signals.Kill);

    private static MachineEvent.KillFailed NoProof(BootRecord boot, MachinePaths paths, string machine) =>
        new(boot.Number, $"no process could be proved to be machine {machine}'s, so none was signalled; find out which process holds its lock with: fuser {paths.Lock}");
}
