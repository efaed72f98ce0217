namespace VmHost.FakeHypervisor.Qemu;

/// <summary>What QEMU answers when it is asked what the guest does.</summary>
/// <param name="RunState">QEMU's word.</param>
/// <param name="Blocks">The result of query-block, as JSON.</param>
internal sealed record QemuState(string RunState, string Blocks)
{
    internal static QemuState Running { get; } = new("running", "[]");

    internal static QemuState Paused { get; } = new("paused", "[]");

    internal static QemuState Panicked { get; } = new("guest-panicked", "[]");

    /// <summary>The result of query-status, as JSON.</summary>
    internal string Status => $$"""{"status": "{{RunState}}", "singlestep": false, "running": {{(RunState == "running" ? "true" : "false")}}}""";

    internal static QemuState IoError(string disk, bool isFull) =>
        new("io-error", $$"""[{"io-status": "{{(isFull ? "nospace" : "failed")}}", "device": "{{disk}}", "locked": false, "removable": false, "type": "unknown"}]""");
}
