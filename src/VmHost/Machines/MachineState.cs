namespace VmHost.Machines;

/// <summary>What clients see of a machine's phase.</summary>
public enum MachineState
{
    /// <summary>Exists and was never started.</summary>
    Created,

    /// <summary>The hypervisor is being started.</summary>
    Starting,

    /// <summary>The hypervisor runs.</summary>
    Running,

    /// <summary>The guest's processors stand still.</summary>
    Paused,

    /// <summary>An end was asked for and the hypervisor is still there.</summary>
    Stopping,

    /// <summary>Waits before it is started again.</summary>
    Backoff,

    /// <summary>The last boot ended as a guest may end, or as it was asked to.</summary>
    Stopped,

    /// <summary>The last boot ended otherwise, or never began.</summary>
    Failed,

    /// <summary>It cannot be proved whether it runs. Nothing is done to it automatically.</summary>
    Unknown,
}

/// <summary>Groups of states.</summary>
public static class MachineStates
{
    /// <summary>Whether no hypervisor runs, for certain, and none is started automatically.</summary>
    public static bool IsAtRest(this MachineState state) =>
        state is MachineState.Created or MachineState.Stopped or MachineState.Failed;
}
