namespace VmHost.Hypervisors;

/// <summary>Where one machine's files are.</summary>
/// <param name="Directory">Its directory in the state directory: records, console journal, logs.</param>
/// <param name="RunDirectory">Its directory in the run directory: sockets, whose paths must be short.</param>
public sealed record MachinePaths(string Directory, string RunDirectory)
{
    /// <summary>The shim's control socket.</summary>
    public string ShimSocket => Path.Combine(RunDirectory, "shim.sock");

    /// <summary>QEMU's monitor socket.</summary>
    public string QmpSocket => Path.Combine(RunDirectory, "qmp.sock");

    /// <summary>vfkit's REST socket.</summary>
    public string RestSocket => Path.Combine(RunDirectory, "rest.sock");

    /// <summary>QEMU's events in the current or last boot.</summary>
    public string QmpLog => Path.Combine(Directory, "qmp.log");

    /// <summary>The console journal.</summary>
    public string Console => Path.Combine(Directory, ShimContract.Records.RecordFile.Console);

    /// <summary>Held by the shim and the hypervisor while either lives.</summary>
    public string Lock => Path.Combine(Directory, ShimContract.Records.RecordFile.Lock);

    /// <summary>What the hypervisor itself said in the current or last boot.</summary>
    public string HypervisorLog => Path.Combine(Directory, ShimContract.Records.RecordFile.HypervisorLog);

    /// <summary>What came before that in the same boot, where the hypervisor said much.</summary>
    public string OlderHypervisorLog => Path.Combine(Directory, ShimContract.Records.RecordFile.OlderHypervisorLog);
}
