namespace VmHost.Hypervisors;

/// <summary>Why a boot ended, the same on every hypervisor.</summary>
public enum ExitReason
{
    /// <summary>The hypervisor ended and left no word why.</summary>
    Unknown,

    /// <summary>The guest powered itself off.</summary>
    PowerOff,

    /// <summary>The guest stopped its processors without powering off.</summary>
    Halt,

    /// <summary>The guest reset itself.</summary>
    Reset,

    /// <summary>The guest's kernel panicked.</summary>
    Panic,

    /// <summary>The guest's processor shut down before anything was written to the console.</summary>
    TripleFault,

    /// <summary>The hypervisor was ended from the host, by VmHost or by a signal.</summary>
    Killed,

    /// <summary>The hypervisor never ran the guest.</summary>
    StartFailed,

    /// <summary>The hypervisor itself failed while the guest ran.</summary>
    HypervisorError,

    /// <summary>The shim is gone, and with it the hypervisor's exit code.</summary>
    ShimLost,

    /// <summary>The host rebooted while the machine ran.</summary>
    HostRebooted,
}

/// <summary>What there is to judge an end by.</summary>
/// <param name="Code">The hypervisor's exit code, or null.</param>
/// <param name="Signal">The signal that ended it, or null.</param>
/// <param name="WroteConsole">Whether anything came on the console in this boot.</param>
/// <param name="MonitorLog">What the hypervisor's monitor sent in this boot, where it has one that keeps a log.</param>
public sealed record ExitEvidence(int? Code, int? Signal, bool WroteConsole, string MonitorLog)
{
    /// <summary>From the start of the hypervisor to its end.</summary>
    public TimeSpan RanFor { get; init; }

    /// <summary>The end of the console output of this boot.</summary>
    public string ConsoleTail { get; init; } = "";

    /// <summary>The end of what the hypervisor itself said, on stderr and, where the console is not there, on stdout.</summary>
    public string HypervisorLog { get; init; } = "";
}

/// <summary>The judgement.</summary>
/// <param name="Reason">The normalised reason.</param>
/// <param name="Detail">One sentence: what was seen that makes the reason this one.</param>
public sealed record ExitVerdict(ExitReason Reason, string Detail);
