namespace VmHost.Specs;

/// <summary>
/// Why a request failed, for programs: a closed list, reported as <c>google.rpc.ErrorInfo.reason</c> in upper case with underscores.
/// Members are only added; docs/api/errors.md describes each.
/// </summary>
public enum ErrorReason
{
    /// <summary>None was given: the one that belongs to the <see cref="VmHostError"/>.</summary>
    Unspecified,

    /// <summary>A field of the request is invalid.</summary>
    InvalidField,

    /// <summary>The request is not a message of the method's type.</summary>
    MalformedRequest,

    /// <summary>The request is too large.</summary>
    RequestTooLarge,

    /// <summary>The request id came with another request before.</summary>
    RequestIdReused,

    /// <summary>No machine has the name or id.</summary>
    MachineNotFound,

    /// <summary>Several machines have ids that begin so.</summary>
    MachineAmbiguous,

    /// <summary>Another machine has the name.</summary>
    NameTaken,

    /// <summary>The machine must not run for this.</summary>
    MachineRunning,

    /// <summary>The machine must run for this.</summary>
    MachineNotRunning,

    /// <summary>The machine is being started, stopped, paused or deleted.</summary>
    MachineBusy,

    /// <summary>It cannot be proved whether the machine runs.</summary>
    MachineStateUnknown,

    /// <summary>The machine's record cannot be read.</summary>
    RecordUnreadable,

    /// <summary>The machine's shim does not answer.</summary>
    ShimUnreachable,

    /// <summary>Another request decided otherwise meanwhile.</summary>
    Superseded,

    /// <summary>The machine was changed since the etag was read.</summary>
    EtagMismatch,

    /// <summary>The guest did not power off within the grace period.</summary>
    GracePeriodExceeded,

    /// <summary>The hypervisor cannot do what is asked.</summary>
    HypervisorUnsupported,

    /// <summary>This host has no hypervisor that can be used, or lacks what it needs.</summary>
    HypervisorUnavailable,

    /// <summary>The hypervisor failed, or refused.</summary>
    HypervisorFailed,

    /// <summary>A file of the machine is missing, or has changed and does not fit any more.</summary>
    FileUnusable,

    /// <summary>A port or disk is used by another machine or program.</summary>
    ResourceInUse,

    /// <summary>There are too many machines.</summary>
    MachineLimit,

    /// <summary>The machines that run have too much memory together.</summary>
    MemoryLimit,

    /// <summary>Too many requests wait.</summary>
    RequestLimit,

    /// <summary>The disk of the state directory has too little room.</summary>
    DiskSpaceLow,

    /// <summary>The state directory was moved or replaced.</summary>
    StateDirectoryLost,

    /// <summary>The host failed to read or write a file.</summary>
    HostIoError,

    /// <summary>The host denies the daemon access to a file.</summary>
    HostAccessDenied,

    /// <summary>The host did not answer in time.</summary>
    HostTimeout,

    /// <summary>Another client is the writer of the console.</summary>
    ConsoleWriterConflict,

    /// <summary>Nothing of the output matched.</summary>
    ConsoleNoMatch,

    /// <summary>The offset, boot or token is outside of what is stored.</summary>
    OutOfRange,

    /// <summary>The console journal cannot be read.</summary>
    JournalUnreadable,

    /// <summary>The peer is not allowed to use the daemon.</summary>
    PeerRefused,

    /// <summary>The daemon is stopping.</summary>
    DaemonStopping,

    /// <summary>The call was cancelled by its caller.</summary>
    Cancelled,

    /// <summary>A condition of the request does not hold now.</summary>
    NotPossibleNow,

    /// <summary>A defect of VmHost.</summary>
    Internal,
}
