using System.Collections.Immutable;
using VmHost.Hypervisors;
using VmHost.Supervision;

namespace VmHost.Machines.Events;

/// <summary>What an event tells of.</summary>
public enum HostEventKind
{
    /// <summary>The daemon serves. What happened to machines while none did follows as changes of their states.</summary>
    DaemonStarted,

    /// <summary>The daemon was asked to stop.</summary>
    DaemonStopping,

    /// <summary>A machine was created.</summary>
    MachineCreated,

    /// <summary>A machine's state changed; with its exit where a boot ended.</summary>
    MachineState,

    /// <summary>A halt took its next step.</summary>
    MachineHalting,

    /// <summary>A machine's restart policy, labels or annotations were changed.</summary>
    MachineUpdated,

    /// <summary>A machine was deleted.</summary>
    MachineDeleted,
}

/// <summary>One thing that happened.</summary>
public sealed record HostEvent
{
    /// <summary>Its place in the order of all events. Grows, not always by one. Given when it is published.</summary>
    public long Sequence { get; init; }

    /// <summary>When it was published.</summary>
    public DateTimeOffset Time { get; init; }

    /// <summary>What it tells of.</summary>
    public required HostEventKind Kind { get; init; }

    /// <summary>Null for an event of the daemon.</summary>
    public string? MachineId { get; init; }

    /// <summary>The machine's name.</summary>
    public string? Machine { get; init; }

    /// <summary>The state after it; null for an event of the daemon.</summary>
    public MachineState? State { get; init; }

    /// <summary>One sentence for a person; may be empty.</summary>
    public string Detail { get; init; } = "";

    /// <summary>The machine's current or last boot; 0 before the first.</summary>
    public int Boot { get; init; }

    /// <summary>The step of a halt.</summary>
    public HaltStep Step { get; init; }

    /// <summary>How the boot ended, where this event is its end.</summary>
    public EventExit? Exit { get; init; }

    /// <summary>The labels of the machine; null for none.</summary>
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }
}

/// <summary>How a boot ended, in short.</summary>
/// <param name="Reason">The normalised reason.</param>
/// <param name="Expected">False for a failure.</param>
/// <param name="Code">The hypervisor's exit code, if one was collected.</param>
/// <param name="Signal">The signal that ended it.</param>
/// <param name="Fault">What went wrong inside the guest.</param>
public sealed record EventExit(ExitReason Reason, bool Expected, int? Code, int? Signal, GuestFault Fault);
