namespace VmHost.Machines;

/// <summary>How a halt went.</summary>
public enum StopResult
{
    /// <summary>The machine ended within the grace time.</summary>
    Ended,

    /// <summary>The grace time passed and the hypervisor was killed.</summary>
    Killed,
}
