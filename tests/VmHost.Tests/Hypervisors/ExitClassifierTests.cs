using VmHost.Hypervisors;
using VmHost.Specs;

namespace VmHost.Tests.Hypervisors;

/// <summary>Part 7 of each hypervisor's story: what its end means, given all that was seen.</summary>
public sealed class ExitClassifierTests
{
    private const string Noise = "rdmsr to register 0x34 on vcpu 0\n";
    private const string Panicked = "[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\n";
    private const string Halted = "[    9.0] reboot: System halted\n";

    [Theory]
    [InlineData(0, null, true, "guest-shutdown", "", ExitReason.PowerOff)]
    [InlineData(0, null, true, "guest-reset", "", ExitReason.Reset)]
    [InlineData(0, null, true, "guest-reset", Panicked, ExitReason.Panic)]
    [InlineData(0, null, false, "guest-reset", "", ExitReason.TripleFault)]
    [InlineData(0, null, true, "guest-panic", "", ExitReason.Panic)]
    [InlineData(0, null, true, "host-signal", "", ExitReason.Killed)]
    [InlineData(0, null, true, "host-qmp-quit", "", ExitReason.Killed)]
    [InlineData(0, null, true, "something-new", "", ExitReason.Unknown)]
    [InlineData(0, null, true, null, "", ExitReason.Unknown)]
    [InlineData(0, null, false, null, "", ExitReason.StartFailed)]
    [InlineData(1, null, false, null, "", ExitReason.StartFailed)]
    [InlineData(1, null, true, null, "", ExitReason.HypervisorError)]
    [InlineData(null, 9, true, null, "", ExitReason.Killed)]
    [InlineData(null, 11, true, null, "", ExitReason.HypervisorError)]
    [InlineData(null, null, true, null, "", ExitReason.Unknown)]
    public void Qemu(int? code, int? signal, bool wrote, string? shutdown, string console, ExitReason reason)
    {
        var log = "not json\r\n{\"event\": \"POWERDOWN\"}\r\n"
            + (shutdown is null ? "" : $$$"""{"event": "SHUTDOWN", "data": {"guest": true, "reason": "{{{shutdown}}}"}}""" + "\r\n{\"event\": \"SHUT");

        Assert.Equal(reason, Judge(HypervisorKind.Qemu, new(code, signal, wrote, log) { ConsoleTail = console }).Reason);
    }

    [Theory]
    [InlineData(1, null, true, 5, "", "", ExitReason.PowerOff)]
    [InlineData(1, null, true, 0, Noise, "", ExitReason.PowerOff)]
    [InlineData(1, null, true, 5, "vcpu_loop: unexpected exitcode 0x7\n", "", ExitReason.HypervisorError)]
    [InlineData(1, null, true, 5, "vm_run error -1, errno 5\n", "", ExitReason.HypervisorError)]
    [InlineData(1, null, false, 0, "", "", ExitReason.StartFailed)]
    [InlineData(1, null, false, 9, "", "", ExitReason.PowerOff)]
    [InlineData(1, null, false, 9, Noise, "", ExitReason.PowerOff)]
    [InlineData(1, null, false, 9, "Unable to create VM (-85377018)\n", "", ExitReason.StartFailed)]
    [InlineData(0, null, true, 5, "", "", ExitReason.Reset)]
    [InlineData(0, null, true, 5, "", Panicked, ExitReason.Panic)]
    [InlineData(2, null, true, 5, "", Halted, ExitReason.Halt)]
    [InlineData(2, null, false, 5, "", "", ExitReason.Halt)]
    [InlineData(3, null, true, 5, "", "", ExitReason.TripleFault)]
    [InlineData(3, null, false, 5, "", "", ExitReason.TripleFault)]
    [InlineData(64, null, false, 0, "invalid memsize 'x'\n", "", ExitReason.StartFailed)]
    [InlineData(100, null, true, 5, "", "", ExitReason.HypervisorError)]
    [InlineData(255, null, false, 0, "", "", ExitReason.StartFailed)]
    [InlineData(null, 6, false, 0, "kexec: failed to load kernel /k\n", "", ExitReason.StartFailed)]
    [InlineData(null, 6, true, 5, "", "", ExitReason.HypervisorError)]
    [InlineData(null, 11, false, 0, "", "", ExitReason.StartFailed)]
    [InlineData(null, 15, true, 1, "", "", ExitReason.Killed)]
    [InlineData(null, 9, true, 1, "", "", ExitReason.Killed)]
    [InlineData(null, 1, true, 1, "", "", ExitReason.Killed)]
    [InlineData(null, null, true, 1, "", "", ExitReason.Unknown)]
    public void Xhyve(int? code, int? signal, bool wrote, int seconds, string log, string console, ExitReason reason) =>
        Assert.Equal(reason, Judge(HypervisorKind.Xhyve, Seen(code, signal, wrote, seconds, log, console)).Reason);

    [Theory]
    [InlineData(0, null, true, 5, "", "", ExitReason.PowerOff)]
    [InlineData(0, null, true, 5, "", Halted, ExitReason.Halt)]
    [InlineData(2, null, true, 5, "", "", ExitReason.Reset)]
    [InlineData(2, null, true, 5, "", Panicked, ExitReason.Panic)]
    [InlineData(3, null, true, 5, "", "", ExitReason.TripleFault)]
    [InlineData(1, null, false, 0, "virtio_net: Could not create vmnet interface, permission denied or no entitlement?\n", "", ExitReason.StartFailed)]
    [InlineData(1, null, true, 5, "vcpu_loop: unexpected exitcode 0x7\n", "", ExitReason.HypervisorError)]
    [InlineData(64, null, false, 0, "", "", ExitReason.StartFailed)]
    [InlineData(100, null, true, 5, "", "", ExitReason.HypervisorError)]
    [InlineData(null, 6, false, 0, "", "", ExitReason.StartFailed)]
    [InlineData(null, 11, true, 5, "", "", ExitReason.HypervisorError)]
    [InlineData(null, 15, true, 5, "", "", ExitReason.Killed)]
    [InlineData(null, null, true, 5, "", "", ExitReason.Unknown)]
    public void HyperKit(int? code, int? signal, bool wrote, int seconds, string log, string console, ExitReason reason) =>
        Assert.Equal(reason, Judge(HypervisorKind.HyperKit, Seen(code, signal, wrote, seconds, log, console)).Reason);

    [Theory]
    [InlineData(0, null, true, ExitReason.PowerOff)]
    [InlineData(0, null, false, ExitReason.PowerOff)]
    [InlineData(1, null, false, ExitReason.StartFailed)]
    [InlineData(1, null, true, ExitReason.HypervisorError)]
    [InlineData(null, 9, true, ExitReason.Killed)]
    [InlineData(null, 15, true, ExitReason.Killed)]
    [InlineData(null, 6, true, ExitReason.HypervisorError)]
    [InlineData(null, null, true, ExitReason.Unknown)]
    public void Vfkit(int? code, int? signal, bool wrote, ExitReason reason) =>
        Assert.Equal(reason, Judge(HypervisorKind.Vfkit, Seen(code, signal, wrote, 5, "", "")).Reason);

    [Fact]
    public void The_evidence_is_in_the_verdict()
    {
        Assert.Contains("had written to its console", Judge(HypervisorKind.Xhyve, Seen(1, null, true, 5, "", "")).Detail, StringComparison.Ordinal);
        Assert.Contains("no backing file", Judge(HypervisorKind.Xhyve, Seen(1, null, false, 5, "a\nno backing file\n" + Noise, "")).Detail, StringComparison.Ordinal);
        Assert.Contains("no power button yet", Judge(HypervisorKind.HyperKit, Seen(null, 15, true, 5, "", "")).Detail, StringComparison.Ordinal);
    }

    private static ExitVerdict Judge(HypervisorKind kind, ExitEvidence evidence) => HypervisorCatalog.Get(kind).Classify(evidence);

    private static ExitEvidence Seen(int? code, int? signal, bool wrote, int seconds, string log, string console) =>
        new(code, signal, wrote, "") { RanFor = TimeSpan.FromSeconds(seconds), HypervisorLog = log, ConsoleTail = console };
}
