using System.Collections.Immutable;

namespace VmHost.Specs;

/// <summary>What a caller can do about a failure. A closed list; the daemon maps each to one gRPC status.</summary>
public enum VmHostError
{
    /// <summary>The request is wrong; the faults say where. Asking again as it is does not help.</summary>
    InvalidArgument,

    /// <summary>No machine of that name or id.</summary>
    NotFound,

    /// <summary>The name is in use.</summary>
    AlreadyExists,

    /// <summary>Not in this state of the machine or the host; change that first.</summary>
    FailedPrecondition,

    /// <summary>Somebody else has it; the message says who, and how to take it.</summary>
    Aborted,

    /// <summary>The hypervisor did not do what was asked; the message has its words.</summary>
    HypervisorFailed,

    /// <summary>A limit of the host or of VmHost is reached.</summary>
    ResourceExhausted,

    /// <summary>An offset or number beyond what there is.</summary>
    OutOfRange,

    /// <summary>The time that the caller gave was not enough.</summary>
    DeadlineExceeded,

    /// <summary>Not now; the same call may succeed later.</summary>
    Unavailable,

    /// <summary>Something stored is lost or cannot be read.</summary>
    DataLoss,

    /// <summary>A bug in VmHost.</summary>
    Internal,
}

/// <summary>The one exception that the engine throws on purpose.</summary>
/// <param name="error">What the caller can do about it.</param>
/// <param name="message">One line for a person: what, why and the cure.</param>
/// <param name="faults">The fields that are at fault; none when left out.</param>
public sealed class VmHostException(VmHostError error, string message, ImmutableArray<SpecFault> faults = default)
    : Exception(message)
{
    /// <summary>What the caller can do about it.</summary>
    public VmHostError Error { get; } = error;

    /// <summary>Why, for programs.</summary>
    public ErrorReason Reason
    {
        get => field == ErrorReason.Unspecified ? DefaultOf(Error) : field;
        init;
    }

    /// <summary>Values for programs: machine, holder, limit, in_use.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; init; } = ErrorMetadata.None;

    /// <summary>The fields that are at fault, in field order. Never default; empty when no field is.</summary>
    public ImmutableArray<SpecFault> Faults { get; } = faults.IsDefault ? [] : faults;

    /// <summary>An error whose message lists every fault.</summary>
    /// <param name="faults">At least one.</param>
    /// <param name="error">What the caller can do about them.</param>
    /// <param name="reason">Why, for programs; unspecified for the one that belongs to <paramref name="error"/>.</param>
    public static VmHostException ForFaults(
        ImmutableArray<SpecFault> faults, VmHostError error = VmHostError.InvalidArgument, ErrorReason reason = ErrorReason.Unspecified) =>
        new(error, string.Join("; ", faults), faults) { Reason = reason };

    /// <summary>The reason of an error for which no closer one is known.</summary>
    public static ErrorReason DefaultOf(VmHostError error) =>
        error switch
        {
            VmHostError.InvalidArgument => ErrorReason.InvalidField,
            VmHostError.NotFound => ErrorReason.MachineNotFound,
            VmHostError.AlreadyExists => ErrorReason.NameTaken,
            VmHostError.HypervisorFailed => ErrorReason.HypervisorFailed,
            VmHostError.Aborted => ErrorReason.Superseded,
            VmHostError.ResourceExhausted => ErrorReason.HostIoError,
            VmHostError.OutOfRange => ErrorReason.OutOfRange,
            VmHostError.DeadlineExceeded => ErrorReason.GracePeriodExceeded,
            VmHostError.DataLoss => ErrorReason.JournalUnreadable,
            VmHostError.Unavailable => ErrorReason.HostTimeout,
            VmHostError.FailedPrecondition => ErrorReason.NotPossibleNow,
            _ => ErrorReason.Internal,
        };
}
