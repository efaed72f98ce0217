using System.Text;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Posix;
using VmHost.ShimContract.Records;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The reason for the end of a boot, from what is on disk. Whether the end was asked for is not known here.</summary>
internal static class ExitClassifier
{
    private const int LogTailBytes = 4 << 10;
    private const int MonitorLogBytes = 256 << 10;

    // A panic prints several KiB after the words that say what led to it, an initrd that cannot be unpacked a whole boot.
    private const int SearchedConsoleBytes = 128 << 10;

    /// <summary>The exit of a boot that ended, for certain.</summary>
    /// <param name="end">Exited or lost.</param>
    /// <param name="boot">The boot.</param>
    /// <param name="paths">The machine's.</param>
    /// <param name="now">For an end that nobody saw.</param>
    internal static ExitSummary Classify(BootEnd end, BootRecord boot, MachinePaths paths, DateTimeOffset now)
    {
        if (end is BootEnd.Exited { Record: var exit })
            return Exited(exit, boot, paths);

        var verdict = LostVerdict(boot, paths);
        return new ExitSummary
        {
            Boot = boot.Number,
            Reason = verdict.Reason,
            Detail = verdict.Detail,
            Expected = verdict.Reason == ExitReason.HostRebooted,
            EndedAt = now,
            ConsoleTail = [],
            HypervisorLogTail = Tail(paths.HypervisorLog, LogTailBytes),
        };
    }

    private static ExitSummary Exited(ExitRecord exit, BootRecord boot, MachinePaths paths)
    {
        var searched = ConsoleTail.Read(paths.Console, exit.ConsoleBegin, exit.ConsoleEnd, SearchedConsoleBytes);
        var consoleTail = searched[^Math.Min(searched.Length, ConsoleTail.KeptBytes)..];
        var hypervisorLog = Tail(paths.HypervisorLog, LogTailBytes);
        var verdict = exit.StartError is { } error
            ? new ExitVerdict(ExitReason.StartFailed, error)
            : HypervisorCatalog.Get(boot.Hypervisor).Classify(new ExitEvidence(
                exit.Code,
                exit.Signal,
                exit.ConsoleEnd > exit.ConsoleBegin,
                Encoding.UTF8.GetString(Tail(paths.QmpLog, MonitorLogBytes)))
            {
                RanFor = exit.RanFor,
                ConsoleTail = Encoding.UTF8.GetString(consoleTail),
                HypervisorLog = Encoding.UTF8.GetString(hypervisorLog),
            });

        // A guest that ended as it may was not kept from running, whatever it complained of.
        var fault = verdict.Reason is ExitReason.PowerOff or ExitReason.Halt or ExitReason.Reset
            ? GuestFault.None
            : GuestFaults.Find(Encoding.UTF8.GetString(searched));

        return new ExitSummary
        {
            Boot = exit.Boot,
            Reason = verdict.Reason,
            Detail = fault is GuestFault.None or GuestFault.Panic ? verdict.Detail : $"{verdict.Detail}; {GuestFaults.Explain(fault)}",
            Fault = fault,
            Expected = verdict.Reason is ExitReason.PowerOff or ExitReason.Halt or ExitReason.Reset,
            Code = exit.Code,
            Signal = exit.Signal,
            RanFor = exit.StartError is null ? exit.RanFor : null,
            EndedAt = exit.EndedAt,
            ConsoleTail = consoleTail,
            HypervisorLogTail = hypervisorLog,
        };
    }

    private static ExitVerdict LostVerdict(BootRecord boot, MachinePaths paths)
    {
        if (boot.HostBootId != ProcessIdentity.HostBootId)
            return new(ExitReason.HostRebooted, "the host rebooted, or lost power, while the machine ran");

        return Ran(boot, paths)
            ? new(ExitReason.ShimLost, "the shim was killed and the hypervisor ended with it, or the disk took no record of its end; how it ended is not known")
            : new(ExitReason.StartFailed, "the daemon ended before the hypervisor was started");
    }

    private static bool Ran(BootRecord boot, MachinePaths paths)
    {
        try
        {
            return RunRecord.Load(paths.Directory).Nonce == boot.Nonce;
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return false;
        }
    }

    // Only illustrates or gives evidence: the exit is recorded whether the file can be read or not.
    internal static byte[] Tail(string path, int limit)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            file.Seek(-Math.Min(file.Length, limit), SeekOrigin.End);
            var tail = new byte[limit];
            var count = file.ReadAtLeast(tail, limit, throwOnEndOfStream: false);
            return tail[..count];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
