using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>Where a machine is in its life.</summary>
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

/// <summary>What happens to a machine.</summary>
public enum MachineEvent
{
    /// <summary>A start was asked for.</summary>
    StartRequested,

    /// <summary>The hypervisor has set the machine up, or is proved to run.</summary>
    Started,

    /// <summary>An end was asked for.</summary>
    StopRequested,

    /// <summary>The guest's processors were stopped.</summary>
    Paused,

    /// <summary>The guest's processors go on.</summary>
    Resumed,

    /// <summary>The guest reset itself, and the next boot begins.</summary>
    Rebooted,

    /// <summary>A halt was given up, as its caller wanted, and the machine still runs.</summary>
    StopGivenUp,

    /// <summary>The boot ended as it may.</summary>
    EndedWell,

    /// <summary>The boot ended otherwise, or never began.</summary>
    EndedBadly,

    /// <summary>The boot ended, or never began, and the restart policy wants another.</summary>
    RestartScheduled,

    /// <summary>It cannot be told any more whether it runs.</summary>
    SightLost,
}

/// <summary>The only code that knows which way a machine's life can go.</summary>
public static class MachineTransitions
{
    /// <summary>The state after <paramref name="happened"/>.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it cannot happen in <paramref name="state"/>.
    /// </exception>
    public static MachineState Next(MachineState state, MachineEvent happened) =>
        (state, happened) switch
        {
            (MachineState.Created or MachineState.Stopped or MachineState.Failed or MachineState.Backoff, MachineEvent.StartRequested) => MachineState.Starting,

            (MachineState.Starting or MachineState.Unknown, MachineEvent.Started) => MachineState.Running,

            (MachineState.Starting or MachineState.Running or MachineState.Paused or MachineState.Stopping, MachineEvent.StopRequested) => MachineState.Stopping,
            (MachineState.Stopping, MachineEvent.StopGivenUp) => MachineState.Running,

            (MachineState.Running, MachineEvent.Paused) => MachineState.Paused,
            (MachineState.Paused, MachineEvent.Resumed) => MachineState.Running,
            (MachineState.Starting or MachineState.Running or MachineState.Unknown, MachineEvent.Rebooted) => MachineState.Starting,

            (MachineState.Starting or MachineState.Running or MachineState.Paused or MachineState.Stopping or MachineState.Backoff or MachineState.Unknown, MachineEvent.EndedWell) => MachineState.Stopped,
            (MachineState.Starting or MachineState.Running or MachineState.Paused or MachineState.Stopping or MachineState.Backoff or MachineState.Unknown, MachineEvent.EndedBadly) => MachineState.Failed,

            // From rest: when the host has booted. Not while it is being stopped: that is somebody's word.
            (MachineState.Stopped or MachineState.Failed or MachineState.Starting or MachineState.Running or MachineState.Paused or MachineState.Backoff or MachineState.Unknown, MachineEvent.RestartScheduled) => MachineState.Backoff,

            (MachineState.Starting or MachineState.Running or MachineState.Paused or MachineState.Stopping or MachineState.Unknown, MachineEvent.SightLost) => MachineState.Unknown,

            _ => throw new VmHostException(VmHostError.FailedPrecondition, $"{happened} cannot happen to a machine that is {state}"),
        };

    /// <summary>Whether no hypervisor runs, for certain.</summary>
    public static bool IsAtRest(MachineState state) =>
        state is MachineState.Created or MachineState.Stopped or MachineState.Failed;
}
