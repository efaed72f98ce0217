using System.Collections.Immutable;
using System.Text.Json.Serialization;
using VmHost.Hypervisors;
using VmHost.Specs;

namespace VmHost.State;

/// <summary>What the daemon knows of a machine for good: <c>machine.json</c>.</summary>
public sealed record MachineRecord : StoredObject
{
    /// <summary>The version of this format that is written here.</summary>
    public const int CurrentSchema = 1;

    /// <summary>Version of the format.</summary>
    public required int Schema { get; init; }

    /// <summary>Grows with each change.</summary>
    public required long Seq { get; init; }

    /// <summary>12 lower-case hex digits.</summary>
    public required string Id { get; init; }

    /// <summary>See <see cref="MachineName"/>.</summary>
    public required string Name { get; init; }

    /// <summary>What is run.</summary>
    public required MachineSpec Spec { get; init; }

    /// <summary>The spec of the next boot; null where it is the same.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MachineSpec? PendingSpec { get; init; }

    /// <summary>Why a start with <see cref="PendingSpec"/> failed; null where none did. Only a request tries it again.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? PendingProblem { get; init; }

    /// <summary>The spec before the current boot, which took another one and has not shown yet that it runs; null else.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MachineSpec? PreviousSpec { get; init; }

    /// <summary>Grows with each change of what clients can set.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public long Revision { get; init; }

    /// <summary>This record with all that clients can set as it is in another one, which is newer.</summary>
    internal MachineRecord WithSettingsOf(MachineRecord newer) =>
        this with
        {
            Name = newer.Name,
            Restart = newer.Restart,
            Labels = newer.Labels,
            Annotations = newer.Annotations,
            PendingSpec = newer.PendingSpec ?? PendingSpec,
            Revision = newer.Revision,
        };

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The current or last boot, written before it begins; null before the first.</summary>
    public BootRecord? Boot { get; init; }

    /// <summary>How the last boot that ended did. A boot with a higher number than this has not, or nobody looked yet.</summary>
    public ExitSummary? LastExit { get; init; }

    /// <summary>The number of the boot that is paused; null when none is.</summary>
    public int? PausedBoot { get; init; }

    /// <summary>How many boots in a row were soon ended by a reset of the guest.</summary>
    public int QuickResets { get; init; }

    /// <summary>When it is started again by itself.</summary>
    public RestartPolicy Restart { get; init; } = RestartPolicy.Never;

    /// <summary>As <see cref="Specs.Labels"/> checks them; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }

    /// <summary>As <see cref="Specs.Labels"/> checks them; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }

    /// <summary>Whether its last end was asked for. A start takes it back.</summary>
    public bool StoppedByHand { get; init; }

    /// <summary>A halt or kill that is under way, so that the next daemon can complete it; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public HaltIntent? Halt { get; init; }

    /// <summary>Why it is at rest, or waits: for a person. Null while it runs.</summary>
    public string? RestDetail { get; init; }

    /// <summary>Whether it is at rest as expected, not after a failure. Null while it runs, and where <see cref="LastExit"/> alone decides.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? RestExpected { get; init; }

    /// <summary>Whether the last boot ended with a reset of the guest, and the boot that is to follow has not begun.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool RebootPending { get; init; }

    /// <summary>The starts by the policy since it last ran well; null when there was none.</summary>
    public RetryRecord? Retry { get; init; }

    /// <summary>Who asked for it to be created: the request's id, so that asking again makes no second one. Null for none.</summary>
    public string? RequestId { get; init; }

    /// <summary>
    /// The digest of that request, as <c>sha256:</c> and 64 hex digits: another request with the same id is refused. Null in a record
    /// of a version that did not write it.
    /// </summary>
    public string? RequestDigest { get; init; }
}

/// <summary>A halt or kill that was asked for, written before the first attempt.</summary>
/// <param name="Boot">The number of the boot that is to end.</param>
/// <param name="Deadline">The end of the grace time, by the host's clock.</param>
/// <param name="KillAfterwards">Whether the hypervisor is killed at the deadline; otherwise the halt is given up then.</param>
/// <param name="ConsoleLine">Typed on the console for guests that do not know the power button; null for nothing.</param>
/// <param name="ThenStart">Whether the machine is started again after the boot's end.</param>
public sealed record HaltIntent(
    int Boot,
    DateTimeOffset Deadline,
    bool KillAfterwards,
    string? ConsoleLine,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool ThenStart = false) : StoredObject;

/// <summary>How far a machine's restart policy got.</summary>
/// <param name="Attempts">Starts in a row that the policy made or is about to make.</param>
/// <param name="NextAt">When the next one is due; null while it starts or runs.</param>
public sealed record RetryRecord(int Attempts, DateTimeOffset? NextAt) : StoredObject;

/// <summary>One boot of a machine.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Nonce">Random; marks what the shim writes of this boot.</param>
/// <param name="HostBootId">The boot of the host it belongs to.</param>
/// <param name="Hypervisor">What it runs on.</param>
/// <param name="Executable">Absolute path.</param>
/// <param name="Arguments">What follows the program name.</param>
/// <param name="StartedAt">When the start was begun.</param>
public sealed record BootRecord(
    int Number,
    string Nonce,
    string HostBootId,
    HypervisorKind Hypervisor,
    string Executable,
    ImmutableArray<string> Arguments,
    DateTimeOffset StartedAt) : StoredObject;

/// <summary>How a boot ended.</summary>
public sealed record ExitSummary : StoredObject
{
    /// <summary>The boot.</summary>
    public required int Boot { get; init; }

    /// <summary>The normalised reason.</summary>
    public required ExitReason Reason { get; init; }

    /// <summary>One sentence: what was seen that makes the reason this one.</summary>
    public required string Detail { get; init; }

    /// <summary>True when it ended as a guest may end, or as it was asked to: not a failure.</summary>
    public required bool Expected { get; init; }

    /// <summary>The hypervisor's exit code, if one was collected.</summary>
    public int? Code { get; init; }

    /// <summary>The signal that ended it.</summary>
    public int? Signal { get; init; }

    /// <summary>What went wrong inside the guest, as its console says.</summary>
    public GuestFault Fault { get; init; }

    /// <summary>How long the hypervisor ran; null when nobody measured it.</summary>
    public TimeSpan? RanFor { get; init; }

    /// <summary>When it ended, or when that was found out.</summary>
    public required DateTimeOffset EndedAt { get; init; }

    /// <summary>The end of the boot's console output, at most 4 KiB.</summary>
    public required byte[] ConsoleTail { get; init; }

    /// <summary>The end of what the hypervisor said, at most 4 KiB.</summary>
    public required byte[] HypervisorLogTail { get; init; }
}
