using System.Text.Json;
using VmHost.Supervision.Qmp;

namespace VmHost.Tests.Supervision.Qmp;

/// <summary>Events and answers as QEMU 7.2 sent them, from a guest that wrote to a full disk and to one that fails.</summary>
public sealed class QemuObserverTests
{
    private const string Full =
        """{"device": "disk0", "nospace": true, "node-name": "#block123", "reason": "No space left on device", "operation": "write", "action": "stop"}""";

    private const string Failed =
        """{"device": "disk0", "nospace": false, "node-name": "#block202", "reason": "Input/output error", "operation": "write", "action": "stop"}""";

    [Theory]
    [InlineData(Full, "disk0", "No space left on device")]
    [InlineData(Failed, "disk0", "Input/output error")]
    [InlineData("""{"device": "", "nospace": true, "node-name": "n", "reason": "", "operation": "write", "action": "stop"}""", "n", "No space left on device")]
    [InlineData("""{"nospace": false, "operation": "write", "action": "stop"}""", "a disk", "I/O error")]
    public void A_stop_after_an_io_error_has_that_cause(string data, string disk, string text) =>
        Assert.Equal(
            [null, new QemuObservation.Stopped(new StopCause.IoError(disk, text))],
            Observe(("BLOCK_IO_ERROR", data, false), ("STOP", null, false)));

    // By default QEMU stops a guest only for ENOSPC; other errors are the guest's to handle.
    [Theory]
    [InlineData("report")]
    [InlineData("ignore")]
    public void An_error_that_the_guest_is_told_of_stops_nothing(string action) =>
        Assert.Equal(
            [null, new QemuObservation.Stopped(new StopCause.External())],
            Observe(("BLOCK_IO_ERROR", Failed.Replace("\"stop\"", $"\"{action}\"", StringComparison.Ordinal), false), ("STOP", null, false)));

    [Fact]
    public void An_error_from_before_the_guest_ran_again_is_no_cause() =>
        Assert.Equal(
            [
                null,
                new QemuObservation.Stopped(new StopCause.IoError("disk0", "No space left on device")),
                new QemuObservation.Resumed(),
                new QemuObservation.Stopped(new StopCause.External()),
            ],
            Observe(("BLOCK_IO_ERROR", Full, false), ("STOP", null, false), ("RESUME", null, true), ("STOP", null, false)));

    [Fact]
    public void A_disk_that_is_still_full_stops_the_guest_again() =>
        Assert.Equal(
            [new QemuObservation.Resumed(), null, new QemuObservation.Stopped(new StopCause.IoError("disk0", "No space left on device"))],
            Observe(("RESUME", null, true), ("BLOCK_IO_ERROR", Full, false), ("STOP", null, false)));

    [Fact]
    public void Other_events_are_what_they_say() =>
        Assert.Equal(
            [
                new QemuObservation.Stopped(new StopCause.Requested()),
                new QemuObservation.Reset(),
                new QemuObservation.GuestPanicked(),
                new QemuObservation.Shutdown("guest-reset"),
                null,
            ],
            Observe(
                ("STOP", null, true),
                ("RESET", """{"guest": true, "reason": "guest-reset"}""", false),
                ("GUEST_PANICKED", """{"action": "pause"}""", false),
                ("SHUTDOWN", """{"guest": true, "reason": "guest-reset"}""", false),
                ("NIC_RX_FILTER_CHANGED", "{}", false)));

    [Theory]
    [InlineData("""[{"io-status": "nospace", "device": "disk0", "locked": false, "removable": false, "type": "unknown"}]""", "disk0", "No space left on device")]
    [InlineData("""[{"device": "cdrom0", "type": "unknown"}, {"io-status": "ok", "device": "disk0"}, {"io-status": "failed", "device": "disk1"}]""", "disk1", "Input/output error")]
    [InlineData("""[{"io-status": "failed", "device": "", "qdev": "/machine/peripheral-anon/device[0]/virtio-backend"}]""", "/machine/peripheral-anon/device[0]/virtio-backend", "Input/output error")]
    public void The_disk_that_failed_is_found_when_asked(string blocks, string disk, string text) =>
        Assert.Equal(new StopCause.IoError(disk, text), QemuStatus.FindError(JsonElement.Parse(blocks)));

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""[{"io-status": "ok", "device": "disk0"}]""")]
    public void Where_no_disk_failed_none_is_found(string blocks) =>
        Assert.Null(QemuStatus.FindError(JsonElement.Parse(blocks)));

    private static List<QemuObservation?> Observe(params (string Name, string? Data, bool Requested)[] events)
    {
        var observer = default(QemuObserver);
        var seen = new List<QemuObservation?>();
        foreach (var (name, data, requested) in events)
        {
            (observer, var observation) = observer.Observe(new(name, data is null ? default : JsonElement.Parse(data), requested));
            seen.Add(observation);
        }

        return seen;
    }
}
