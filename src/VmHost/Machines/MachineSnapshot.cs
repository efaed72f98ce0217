using System.Collections.Immutable;
using VmHost.Machines.Life;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines;

/// <summary>A machine as it is at one moment: immutable, so it is read without waiting for anybody.</summary>
public sealed record MachineSnapshot
{
    /// <summary>12 lower-case hex digits.</summary>
    public required string Id { get; init; }

    /// <summary>Its name; the id where the record cannot be read.</summary>
    public required string Name { get; init; }

    /// <summary>Null where the record cannot be read.</summary>
    public MachineSpec? Spec { get; init; }

    /// <summary>What the next boot takes; null where it is <see cref="Spec"/>.</summary>
    public MachineSpec? PendingSpec { get; init; }

    /// <summary>Why a start with <see cref="PendingSpec"/> failed; null where none did.</summary>
    public string? PendingProblem { get; init; }

    /// <summary>Grows with each change of what clients can set.</summary>
    public long Revision { get; init; }

    /// <summary>Where it is in its life.</summary>
    public required MachineState State { get; init; }

    /// <summary>Why, for a person; empty where the state says it all.</summary>
    public string StateDetail { get; init; } = "";

    /// <summary>Why the guest's processors stand still; null unless it is paused.</summary>
    public PauseSummary? Pause { get; init; }

    /// <summary>Null where the record cannot be read.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>The current or last boot; null before the first.</summary>
    public BootRecord? Boot { get; init; }

    /// <summary>How the last boot that ended did.</summary>
    public ExitSummary? LastExit { get; init; }

    /// <summary>When it is started again by itself.</summary>
    public RestartPolicy Restart { get; init; } = RestartPolicy.Never;

    /// <summary>How far that got; null where it did not come to it.</summary>
    public RetryRecord? Retry { get; init; }

    /// <summary>Key-value pairs by which machines are selected.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = Specs.Labels.None;

    /// <summary>Key-value pairs for tools.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = Specs.Labels.None;

    /// <summary>Null unless a hypervisor runs.</summary>
    public int? HypervisorPid { get; init; }

    /// <summary>Null unless a shim runs.</summary>
    public int? ShimPid { get; init; }

    /// <summary>Of the files that the current or last boot used, once computed.</summary>
    public ImmutableArray<ImageDigest> Digests { get; init; } = [];

    /// <summary>The daemon has started and does not know yet what the machine does.</summary>
    public bool IsBeingExamined { get; init; }

    /// <summary>The machine was deleted; the state is its last one.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>What clients see of a life.</summary>
    internal static MachineSnapshot Of(MachineLife life) =>
        new()
        {
            Id = life.Id,
            Name = life.Name,
            Spec = life.Record?.Spec,
            PendingSpec = life.Record?.PendingSpec,
            PendingProblem = life.Record?.PendingProblem,
            Revision = life.Record?.Revision ?? 0,
            State = life.Phase.State,
            StateDetail = life.Phase.Detail,
            Pause = life.Phase is MachinePhase.Paused paused ? paused.Cause.Summary : null,
            CreatedAt = life.Record?.CreatedAt,
            Boot = life.Record?.Boot,
            LastExit = life.Record?.LastExit,
            Restart = life.Record?.Restart ?? RestartPolicy.Never,
            Retry = life.Record?.Retry,
            Labels = life.Record?.Labels ?? Specs.Labels.None,
            Annotations = life.Record?.Annotations ?? Specs.Labels.None,
            HypervisorPid = life.Phase.Live?.HypervisorPid,
            ShimPid = life.Phase.Live?.ShimPid,
            Digests = life.Digests,
            IsBeingExamined = life.Phase is MachinePhase.Adopting,
            IsDeleted = life.Phase is MachinePhase.Deleted,
        };
}

/// <summary>What a file held when a boot began.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Sha256">64 lower-case hex digits.</param>
public sealed record ImageDigest(string Path, string Sha256);
