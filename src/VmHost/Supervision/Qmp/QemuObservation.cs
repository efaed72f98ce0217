namespace VmHost.Supervision.Qmp;

/// <summary>Why QEMU's processors stand still.</summary>
internal abstract record StopCause
{
    private StopCause()
    {
    }

    /// <summary>VmHost asked for it.</summary>
    internal sealed record Requested : StopCause;

    /// <summary>The host failed to write to a disk, or to read it.</summary>
    /// <param name="Disk">VmHost's name of the disk (<c>disk0</c>, <c>cdrom0</c>), or QEMU's of the node.</param>
    /// <param name="Text">The host's error, for example "No space left on device".</param>
    internal sealed record IoError(string Disk, string Text) : StopCause;

    /// <summary>Anything else, for example a <c>stop</c> of another monitor client.</summary>
    internal sealed record External : StopCause;
}

/// <summary>What QEMU's events say about the guest.</summary>
internal abstract record QemuObservation
{
    private QemuObservation()
    {
    }

    /// <summary>The processors stand still.</summary>
    internal sealed record Stopped(StopCause Cause) : QemuObservation;

    /// <summary>The processors run again.</summary>
    internal sealed record Resumed : QemuObservation;

    /// <summary>The guest was reset in the same process, which runs on.</summary>
    internal sealed record Reset : QemuObservation;

    /// <summary>QEMU is about to end.</summary>
    /// <param name="Reason">QEMU's word for it, for example guest-shutdown.</param>
    internal sealed record Shutdown(string Reason) : QemuObservation;

    /// <summary>The guest's kernel reported a panic.</summary>
    internal sealed record GuestPanicked : QemuObservation;
}

/// <summary>
/// Makes observations of events; a value, and each event gives the next one. QEMU reports the I/O error that stops a guest
/// before it reports the stop. A version that limits the rate of the former may report it later: where
/// <see cref="StopCause.External"/> is observed, QEMU's status tells the cause for certain.
/// </summary>
/// <param name="LastError">The I/O error since the guest last ran that stops it.</param>
internal readonly record struct QemuObserver(StopCause.IoError? LastError = null)
{
    private const string NoSpace = "No space left on device";

    /// <summary>Takes an event.</summary>
    /// <returns>The observer for the next event, and what this one says; null if it says nothing about the guest.</returns>
    internal (QemuObserver Next, QemuObservation? Seen) Observe(QmpEvent happened) =>
        happened.Name switch
        {
            "BLOCK_IO_ERROR" when happened.Text("action") == "stop" => (new(ErrorOf(happened)), null),
            "STOP" => (default, new QemuObservation.Stopped(happened.Requested ? new StopCause.Requested() : LastError ?? (StopCause)new StopCause.External())),
            "RESUME" => (default, new QemuObservation.Resumed()),
            "RESET" => (this, new QemuObservation.Reset()),
            "SHUTDOWN" => (this, new QemuObservation.Shutdown(happened.Text("reason") ?? "")),
            "GUEST_PANICKED" => (this, new QemuObservation.GuestPanicked()),
            _ => (this, null),
        };

    private static StopCause.IoError ErrorOf(QmpEvent happened) =>
        new(
            NameOf(happened),
            happened.IsTrue("nospace") ? NoSpace : happened.Text("reason") ?? "I/O error");

    private static string NameOf(QmpEvent happened) =>
        happened.Text("device") is { Length: > 0 } device ? device : happened.Text("node-name") ?? "a disk";
}
