namespace VmHost.Machines;

/// <summary>Why a guest's processors stand still.</summary>
public enum PauseKind
{
    /// <summary>A request.</summary>
    Requested,

    /// <summary>The host's disk failed.</summary>
    IoError,

    /// <summary>Another program asked the hypervisor.</summary>
    External,

    /// <summary>The hypervisor had a reason of its own.</summary>
    Hypervisor,
}

/// <summary>The cause of a pause, for programs.</summary>
/// <param name="Kind">The kind of cause.</param>
/// <param name="Device">The disk of an I/O error; else empty.</param>
/// <param name="Text">The error, or the hypervisor's word; may be empty.</param>
public sealed record PauseSummary(PauseKind Kind, string Device = "", string Text = "");
