using VmHost.Hypervisors;
using VmHost.Hypervisors.Qemu;
using VmHost.Specs;
using VmHost.TestKit;

namespace VmHost.Tests.Hypervisors;

public sealed class QemuCommandLineTests
{
    private static readonly MachinePaths Paths = new("/state/machines/0123456789ab", "/run/0123456789ab");

    private static readonly MachineSpec Minimal = new()
    {
        Boot = new(null, "/boot/kernel", null, "console=ttyS0"),
        CpuCount = 1,
        Memory = ByteSize.FromMiB(256),
        PublishedPorts = [],
        Hypervisor = HypervisorKind.Qemu,
        Uuid = Guid.Parse("4f9d5a52-0f0e-4a8c-9d2c-6f7a3f0b1c2d"),
    };

    private static readonly QemuFacts Tcg = new("/usr/bin/qemu-system-x86_64", "7.2.22", "tcg", false, null);

    public static TheoryData<string> Names => [.. Cases.Keys];

    private static Dictionary<string, (MachineSpec Spec, QemuFacts Facts, MachinePaths Paths)> Cases => new(StringComparer.Ordinal)
    {
        ["qemu-minimal"] = (Minimal, Tcg, Paths),
        ["qemu-initrd"] = (Minimal with { Boot = Minimal.Boot with { InitrdPath = "/boot/initrd.img" } }, Tcg, Paths),
        ["qemu-empty-cmdline"] = (Minimal with { Boot = Minimal.Boot with { CommandLine = "" } }, Tcg, Paths),
        ["qemu-cmdline-with-quotes"] = (Minimal with { Boot = Minimal.Boot with { CommandLine = "a=\"b c\"  -drive file=/etc/shadow,x" } }, Tcg, Paths),
        ["qemu-kvm-sandbox-4-cpus"] = (Minimal with { CpuCount = 4, Memory = ByteSize.FromMiB(2048) }, Tcg with { Accelerator = "kvm", HasSandbox = true }, Paths),
        ["qemu-ports"] = (Minimal with { PublishedPorts = [new("127.0.0.1", 16379, 6379, PortProtocol.Tcp), new("0.0.0.0", 53, 5353, PortProtocol.Udp)] }, Tcg, Paths),
        ["qemu-commas-in-paths"] = (Minimal with { Boot = new(null, "/a,b/kernel", "/a,b/initrd", "x") }, Tcg, new("/st,ate/m", "/r,un/m")),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Argv_is_as_recorded(string name)
    {
        var (spec, facts, paths) = Cases[name];
        Golden.Matches(name, QemuCommandLine.Build(spec, facts, paths));
    }

    [Theory]
    [InlineData("console=ttyS0", 0)]
    [InlineData("quiet console=ttyS0,115200n8", 0)]
    [InlineData("console=hvc0", 1)]
    [InlineData("", 1)]
    public void A_command_line_without_the_serial_console_is_warned_of(string commandLine, int warnings) =>
        Assert.Equal(warnings, ConsoleArgument.Warnings(commandLine, "ttyS0").Length);

    [Theory]
    [InlineData(0, null, true, "guest-shutdown", ExitReason.PowerOff)]
    [InlineData(0, null, true, "guest-reset", ExitReason.Reset)]
    [InlineData(0, null, false, "guest-reset", ExitReason.TripleFault)]
    [InlineData(0, null, true, "guest-panic", ExitReason.Panic)]
    [InlineData(0, null, true, "host-signal", ExitReason.Killed)]
    [InlineData(0, null, true, "host-qmp-quit", ExitReason.Killed)]
    [InlineData(0, null, true, "something-new", ExitReason.Unknown)]
    [InlineData(0, null, true, null, ExitReason.Unknown)]
    [InlineData(0, null, false, null, ExitReason.StartFailed)]
    [InlineData(1, null, false, null, ExitReason.StartFailed)]
    [InlineData(1, null, true, null, ExitReason.HypervisorError)]
    [InlineData(null, 9, true, null, ExitReason.Killed)]
    [InlineData(null, 11, true, null, ExitReason.HypervisorError)]
    [InlineData(null, null, true, null, ExitReason.Unknown)]
    public void The_reason_of_an_end_is_found(int? code, int? signal, bool wrote, string? shutdown, ExitReason reason)
    {
        var log = "{\"QMP\": {}}\r\nnot json\r\n{\"event\": \"POWERDOWN\"}\r\n"
            + (shutdown is null ? "" : $$$"""{"event": "SHUTDOWN", "data": {"guest": true, "reason": "{{{shutdown}}}"}}""" + "\r\n{\"event\": \"SHUT");

        Assert.Equal(reason, QemuExitClassifier.Classify(new(code, signal, wrote, log)).Reason);
    }
}
