using System.Text.Json;
using VmHost.Supervision.Qmp;

namespace VmHost.Tests.Supervision.Qmp;

/// <summary>Answers as QEMU 7.2 gave them, for a guest that wrote to a full disk and for one whose disk fails.</summary>
public sealed class QemuStatusTests
{
    [Theory]
    [InlineData("""[{"io-status": "nospace", "device": "disk0", "locked": false, "removable": false, "type": "unknown"}]""", "disk0", "No space left on device")]
    [InlineData("""[{"device": "cdrom0", "type": "unknown"}, {"io-status": "ok", "device": "disk0"}, {"io-status": "failed", "device": "disk1"}]""", "disk1", "Input/output error")]
    [InlineData("""[{"io-status": "failed", "device": "", "qdev": "/machine/peripheral-anon/device[0]/virtio-backend"}]""", "/machine/peripheral-anon/device[0]/virtio-backend", "Input/output error")]
    public void The_disk_that_failed_is_found_when_asked(string blocks, string disk, string text) =>
        Assert.Equal(new DiskError(disk, text), QemuStatus.FindError(JsonElement.Parse(blocks)));

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""[{"io-status": "ok", "device": "disk0"}]""")]
    public void Where_no_disk_failed_none_is_found(string blocks) =>
        Assert.Null(QemuStatus.FindError(JsonElement.Parse(blocks)));
}
