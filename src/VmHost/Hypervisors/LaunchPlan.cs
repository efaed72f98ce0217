using System.Collections.Immutable;

namespace VmHost.Hypervisors;

/// <summary>All that is needed to run a machine's next boot; made of values, so it can be shown without being run.</summary>
public sealed record LaunchPlan
{
    /// <summary>Absolute path of the hypervisor.</summary>
    public required string Executable { get; init; }

    /// <summary>What follows the program name, one argument each.</summary>
    public required ImmutableArray<string> Arguments { get; init; }

    /// <summary>True where it writes the console to fd 1, false where it does to fd 0.</summary>
    public required bool ConsoleOnStandardOutput { get; init; }

    /// <summary>Those paths in the arguments that exist only while the machine runs.</summary>
    public required ImmutableArray<string> RunTimePaths { get; init; }

    /// <summary>What is allowed and probably not meant, a sentence each.</summary>
    public required ImmutableArray<string> Warnings { get; init; }
}

/// <summary>Where one machine's files are.</summary>
/// <param name="Directory">Its directory in the state directory: records, console journal, logs.</param>
/// <param name="RunDirectory">Its directory in the run directory: sockets, whose paths must be short.</param>
public sealed record MachinePaths(string Directory, string RunDirectory)
{
    /// <summary>The shim's control socket.</summary>
    public string ShimSocket => Path.Combine(RunDirectory, "shim.sock");

    /// <summary>QEMU's monitor socket.</summary>
    public string QmpSocket => Path.Combine(RunDirectory, "qmp.sock");

    /// <summary>QEMU's events in the current or last boot.</summary>
    public string QmpLog => Path.Combine(Directory, "qmp.log");

    /// <summary>The console journal.</summary>
    public string Console => Path.Combine(Directory, ShimContract.Records.RecordFile.Console);

    /// <summary>Held by the shim and the hypervisor while either lives.</summary>
    public string Lock => Path.Combine(Directory, ShimContract.Records.RecordFile.Lock);

    /// <summary>What the hypervisor itself said in the current or last boot.</summary>
    public string HypervisorLog => Path.Combine(Directory, ShimContract.Records.RecordFile.HypervisorLog);
}
