using Microsoft.Extensions.Logging;
using VmHost.Hypervisors;
using VmHost.Images;
using VmHost.Machines.Events;
using VmHost.ShimContract.Journal;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>What every machine uses; made once by the daemon.</summary>
public sealed record MachineServices
{
    /// <summary>Records.</summary>
    public required MachineStore Store { get; init; }

    /// <summary>What the host offers.</summary>
    public required HostProbe Host { get; init; }

    /// <summary>Starts shims.</summary>
    public required ShimLauncher Launcher { get; init; }

    /// <summary>Starts work that no caller awaits.</summary>
    public required BackgroundTasks Background { get; init; }

    /// <summary>Who has what of the host.</summary>
    public required HostClaims Claims { get; init; }

    /// <summary>Whether the state directory's disk has room.</summary>
    public required DiskSpace Space { get; init; }

    /// <summary>What happens is told here.</summary>
    public required EventLog Events { get; init; }

    /// <summary>How many machines there may be, running or not.</summary>
    public required int MaxMachines { get; init; }

    /// <summary>Digests of image files.</summary>
    public required FileDigests Digests { get; init; }

    /// <summary>Absolute path of the directory for sockets.</summary>
    public required string RunDirectory { get; init; }

    /// <summary>How large a console journal may grow.</summary>
    public required JournalLimits Journal { get; init; }

    /// <summary>The clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>The log of what happens to machines.</summary>
    public required ILogger<Machine> Log { get; init; }

    /// <summary>Where a machine's files are.</summary>
    public MachinePaths PathsOf(string id) => new(Store.DirectoryOf(id), Path.Combine(RunDirectory, id));
}
