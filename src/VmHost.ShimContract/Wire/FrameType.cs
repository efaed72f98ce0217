namespace VmHost.ShimContract.Wire;

/// <summary>
/// What a frame between daemon and shim is. Numbers are never reused. A shim answers a type that it does not know with
/// <see cref="Unknown"/> and goes on.
/// </summary>
public enum FrameType : ushort
{
    /// <summary>Daemon: the versions it speaks (u16 lowest, u16 highest). Answered by <see cref="Welcome"/>.</summary>
    Hello = 1,

    /// <summary>Daemon: from now on tell the journal's end (empty). Answered by <see cref="End"/>, at once and on change.</summary>
    Subscribe = 2,

    /// <summary>Daemon: bytes for the console. Answered by <see cref="Result"/> once the terminal took all of them.</summary>
    Input = 3,

    /// <summary>Daemon: be the only writer (u8: 1 takes it from another). Answered by <see cref="Result"/>.</summary>
    Lease = 4,

    /// <summary>Daemon: the console's size (u16 columns, u16 rows). Answered by <see cref="Result"/>.</summary>
    Resize = 5,

    /// <summary>Daemon: a signal for the hypervisor (i32). Answered by <see cref="Result"/>.</summary>
    Signal = 6,

    /// <summary>Daemon: how things are (empty). Answered by <see cref="StatusReply"/>.</summary>
    Status = 7,

    /// <summary>
    /// Daemon: be the hypervisor's monitor client (empty, or u8: 1 takes over from another client, which is cut off). Answered
    /// by <see cref="Result"/> once the monitor accepts commands: 0; EBUSY if another client has it; ENOTSUP if the hypervisor
    /// has no monitor here; EPIPE if the hypervisor closed it. <see cref="MonitorSaid"/> follows until the connection ends.
    /// </summary>
    OpenMonitor = 8,

    /// <summary>
    /// Daemon: one whole JSON object for the monitor. Answered by <see cref="Result"/> once the hypervisor has all of it: 0;
    /// EINVAL if it is not one whole object; EBUSY if this client did not open the monitor; EPIPE if the hypervisor closed it.
    /// </summary>
    ToMonitor = 9,

    /// <summary>
    /// Daemon: as <see cref="Input"/>, and written once however often it is sent (16 bytes: a session; i64: offset of the data in the
    /// session's input; then the data). What lies before the offset that the session has reached is skipped. The shim remembers
    /// the last session.
    /// </summary>
    InputAt = 10,

    /// <summary>Shim: see <see cref="Welcome"/>.</summary>
    Welcome = 101,

    /// <summary>Shim: the journal now ends here (i64).</summary>
    End = 102,

    /// <summary>Shim: a request is done (u16 its type, i32 error number or 0).</summary>
    Result = 103,

    /// <summary>Shim: see <see cref="Wire.StatusReply"/>.</summary>
    StatusReply = 104,

    /// <summary>Shim: the hypervisor ended and exit.json is written (empty). The shim goes next.</summary>
    Exited = 105,

    /// <summary>
    /// Shim: a line of the monitor, or a part of one (u8: 1 if the next such frame continues the line, else 0; then its bytes
    /// without the line break). A client that leaves 1 MiB of them unread is cut off.
    /// </summary>
    MonitorSaid = 106,

    /// <summary>Shim: it does not know this type (u16).</summary>
    Unknown = 199,
}
