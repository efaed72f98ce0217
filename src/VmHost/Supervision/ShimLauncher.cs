using System.Text;
using VmHost.Hypervisors;
using VmHost.Posix;

namespace VmHost.Supervision;

/// <summary>Starts <c>vmhost-shim</c> beside a machine.</summary>
/// <param name="shimPath">Absolute path of the program.</param>
/// <param name="environment">The environment of the shim and of its hypervisor, which inherits it.</param>
/// <param name="reaper">Collects the shims that end.</param>
public sealed class ShimLauncher(string shimPath, HypervisorEnvironment environment, ShimReaper reaper)
{
    private const string NullDevice = "/dev/null";
    private const int LockNumber = 3;
    private const int DirectoryNumber = 4;
    private const int ReportNumber = 5;

    // Far more than a start takes; a shim that says nothing for so long never will.
    private const int ReportMilliseconds = 30_000;

    /// <summary>Absolute path of the program.</summary>
    public string ShimPath => shimPath;

    /// <summary>
    /// Starts a shim, which reads launch.json in the machine's directory and starts the hypervisor. Blocks until it
    /// says how that went, some milliseconds.
    /// </summary>
    /// <param name="machineDirectory">Absolute path.</param>
    /// <param name="machineLock">Taken. The shim inherits it; the caller disposes its own copy.</param>
    /// <returns>Null when the hypervisor runs, else why it does not.</returns>
    /// <exception cref="PosixException">The shim itself cannot be started.</exception>
    internal string? Launch(string machineDirectory, FileLock machineLock)
    {
        var (read, write) = Descriptor.Pipe();
        var directory = -1;
        var lockCopy = -1;
        try
        {
            // Numbers of 10 and above: giving one of them a low number in the child must not overwrite another.
            lockCopy = Descriptor.DuplicateAbove(machineLock.Number, 10);
            var opened = Descriptor.Open(machineDirectory, Descriptor.ReadOnly | Descriptor.Directory);
            directory = Descriptor.DuplicateAbove(opened, 10);
            Descriptor.Close(opened);

            using (var spawn = new ProcessSpawn { BlockedSignals = [Signals.Terminate, Signals.User1], Variables = environment.Variables })
            {
                for (var standard = 0; standard <= 2; standard++)
                    spawn.Open(standard, NullDevice, Descriptor.ReadWrite);
                spawn.Give(lockCopy, LockNumber);
                spawn.Give(directory, DirectoryNumber);
                spawn.Give(write, ReportNumber);
                reaper.Watch(spawn.Start(shimPath, [], firstClosed: ReportNumber + 1));
            }

            Descriptor.Close(write);
            write = -1;
            return Explain(ReadReport(read));
        }
        finally
        {
            foreach (var descriptor in (ReadOnlySpan<int>)[read, write, directory, lockCopy])
            {
                if (descriptor >= 0)
                    Descriptor.Close(descriptor);
            }
        }
    }

    private static string? Explain(string report)
    {
        if (report.StartsWith("started ", StringComparison.Ordinal))
            return null;

        return report.StartsWith("failed ", StringComparison.Ordinal)
            ? report["failed ".Length..].TrimEnd('\n')
            : "the shim ended without a word; look whether vmhost-shim runs at all on this host";
    }

    private static string ReadReport(int pipe)
    {
        var report = new StringBuilder();
        var buffer = new byte[1024];
        Span<PollEntry> entries = [new() { Descriptor = pipe, Wanted = PollEvents.Readable }];
        while (Poll.Wait(entries, ReportMilliseconds) > 0)
        {
            var count = Descriptor.Read(pipe, buffer);
            if (count <= 0)
                break;

            report.Append(Encoding.UTF8.GetString(buffer, 0, count));
            if (buffer[count - 1] == (byte)'\n')
                break;
        }

        return report.ToString();
    }
}
