using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>This host, whatever it is, as a real daemon sees it.</summary>
public sealed class DiagnosisTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    [Fact]
    public async Task The_hypervisor_that_the_daemon_uses_is_found()
    {
        var findings = (await fixture.Client.Host.DiagnoseHostAsync(new(), deadline: DaemonClient.Deadline)).Findings;

        var qemu = Assert.Single(findings, finding => finding.Id == "qemu");
        Assert.Equal((FindingSeverity.Ok, ""), (qemu.Severity, qemu.Remedy));
        Assert.Contains($"7.2.22, {Repository.FakeHypervisor}", qemu.Detail, StringComparison.Ordinal);
        Assert.Contains(findings, finding => finding.Id == "disk" && finding.Detail.Contains(fixture.Daemon.StateDir, StringComparison.Ordinal));
        Assert.Contains(findings, finding => finding.Id == "socket-path" && finding.Detail.Contains(fixture.Daemon.RunDir, StringComparison.Ordinal));
        Assert.Contains(findings, finding => finding.Id == "kvm");
        Assert.All(findings, finding => Assert.NotEqual(FindingSeverity.Unspecified, finding.Severity));
        Assert.All(findings, finding => Assert.Equal(finding.Severity == FindingSeverity.Ok, finding.Remedy.Length == 0));
    }

    [Fact]
    public async Task A_state_directory_on_a_disk_that_is_almost_full_is_a_problem()
    {
        await using var daemon = await DaemonProcess.StartOnSmallDiskAsync("2m");
        using var client = new DaemonClient(daemon);

        var findings = (await client.Host.DiagnoseHostAsync(new(), deadline: DaemonClient.Deadline)).Findings;

        var disk = Assert.Single(findings, finding => finding.Id == "disk");
        Assert.Equal(FindingSeverity.Problem, disk.Severity);
        Assert.Contains("--state-dir", disk.Remedy, StringComparison.Ordinal);
    }
}
