using VmHost.Hypervisors;
using VmHost.Specs;

namespace VmHost.Tests.Hypervisors;

/// <summary>Specs and hosts that tests of all hypervisors share.</summary>
internal static class Specimens
{
    internal static readonly MachinePaths Paths = new("/state/machines/0123456789ab", "/run/0123456789ab");

    internal static readonly MachineSpec Minimal = new()
    {
        Boot = new(null, "/boot/kernel", "/boot/initrd.img", "console=ttyS0"),
        CpuCount = 1,
        Memory = ByteSize.FromMiB(256),
        PublishedPorts = [],
        Hypervisor = HypervisorKind.Auto,
        Uuid = Guid.Parse("4f9d5a52-0f0e-4a8c-9d2c-6f7a3f0b1c2d"),
    };

    internal static readonly HostFacts Host = new()
    {
        Platform = new(IsMac: true, GuestArchitecture.X64, IsRoot: true),
        Qemu = new("/usr/bin/qemu-system-x86_64", "7.2.22", "tcg", false, null),
        Xhyve = new("/usr/local/bin/xhyve", "0.2.0-dev", null),
        HyperKit = new("/usr/local/bin/hyperkit", "v0.20210107", false, null),
        Vfkit = new("/usr/local/bin/vfkit", "v0.6.1", null),
    };

    internal static readonly HypervisorKind[] Kinds =
        [HypervisorKind.Qemu, HypervisorKind.Xhyve, HypervisorKind.HyperKit, HypervisorKind.Vfkit];

    /// <summary>A case for each row of the mapping table, and for each trap that a command line can fall into.</summary>
    internal static readonly Dictionary<string, (MachineSpec Spec, MachinePaths Paths, HostFacts Host)> Cases = new(StringComparer.Ordinal)
    {
        ["minimal"] = Of(Minimal),
        ["no-initrd"] = Of(Minimal with { Boot = Minimal.Boot with { InitrdPath = null } }),
        ["empty-cmdline"] = Of(Minimal with { Boot = Minimal.Boot with { CommandLine = "" } }),
        ["cmdline-with-quotes"] = Of(Minimal with { Boot = Minimal.Boot with { CommandLine = "a=\"b c\"  -drive file=/etc/shadow,x,,y" } }),
        ["hvc0"] = Of(Minimal with { Boot = Minimal.Boot with { CommandLine = "console=hvc0" } }),
        ["cpus-4"] = Of(Minimal with { CpuCount = 4, Memory = ByteSize.FromMiB(2048) }),
        ["cpus-17"] = Of(Minimal with { CpuCount = 17 }),
        ["ports"] = Of(Minimal with { PublishedPorts = [new("127.0.0.1", 16379, 6379, PortProtocol.Tcp), new("0.0.0.0", 53, 5353, PortProtocol.Udp)] }),
        ["network-none"] = Of(Minimal with { Network = new(NetworkMode.None) }),
        ["network-none-ports"] = Of(Minimal with { Network = new(NetworkMode.None), PublishedPorts = [new("127.0.0.1", 16379, 6379, PortProtocol.Tcp)] }),
        ["mac"] = Of(Minimal with { Network = new(NetworkMode.Nat, "52:54:00:ab:cd:ef") }),
        ["vpnkit"] = Of(Minimal with { Network = new(NetworkMode.Vpnkit, null, "/var/tmp/vpnkit_eth.sock") }),
        ["vpnkit-comma"] = Of(Minimal with { Network = new(NetworkMode.Vpnkit, null, "/var/tmp/a,b.sock") }),
        ["vpnkit-mac"] = Of(Minimal with { Network = new(NetworkMode.Vpnkit, "52:54:00:ab:cd:ef", "/var/tmp/vpnkit_eth.sock") }),
        ["disk-raw"] = Of(Minimal with { Disks = [new("/images/data.raw", DiskFormat.Raw, false)] }),
        ["disk-read-only"] = Of(Minimal with { Disks = [new("/images/data.raw", DiskFormat.Raw, true)] }),
        ["disk-qcow2"] = Of(Minimal with { Disks = [new("/images/data.qcow2", DiskFormat.Qcow2, false)] }),
        ["disks-3-and-cdroms-2"] = Of(Minimal with
        {
            Disks = [new("/images/a,b.raw", DiskFormat.Raw, false), new("/images/x,readonly=off", DiskFormat.Raw, true), new("/images/c d.raw", DiskFormat.Raw, false)],
            CdromPaths = ["/images/metadata.iso", "/images/json:{}.iso"],
        }),
        ["disks-without-network"] = Of(Minimal with { Network = new(NetworkMode.None), Disks = [new("/images/data.raw", DiskFormat.Raw, false)] }),
        ["second-serial"] = Of(Minimal with { SecondSerialPath = "/dev/ttys007" }),
        ["second-serial-comma"] = Of(Minimal with { SecondSerialPath = "/dev/tty,s007" }),
        ["uuid-of-unknown-variant"] = Of(Minimal with { Uuid = Guid.Parse("4f9d5a52-0f0e-4a8c-fd2c-6f7a3f0b1c2d") }),
        ["arm64-kernel"] = Of(Minimal with { Boot = Minimal.Boot with { Architecture = GuestArchitecture.Arm64 } }),
        ["commas-in-paths"] = Of(Minimal with { Boot = new(null, "/a,b/kernel", "/a,b/initrd", "console=ttyS0") }),
        ["spaces-in-paths"] = Of(Minimal with { Boot = new(null, "/a b/kernel", "/a b/initrd", "console=ttyS0") }),
        ["commas-in-state-directory"] = (Minimal with { CdromPaths = ["/images/a.iso"] }, new("/st,ate/m", "/r,un/m"), Host),
        ["tutorial"] = Of(Minimal with { Boot = new("/home/u/linux-redis", "/home/u/linux-redis-kernel", "/home/u/linux-redis-initrd.img", "console=ttyS0 page_poison=1"), Memory = ByteSize.FromMiB(1024) }),
        ["best-builds"] = (
            Minimal with { Disks = [new("/images/data.qcow2", DiskFormat.Qcow2, true)] },
            Paths,
            Host with
            {
                Qemu = new("/usr/bin/qemu-system-x86_64", "9.0.0", "kvm", true, null),
                HyperKit = new("/Applications/Docker.app/Contents/Resources/bin/com.docker.hyperkit", "v0.20210107", true, null),
            }),
        ["not-installed"] = (Minimal, Paths, Host with
        {
            Qemu = new(null, null, "tcg", false, "was not found"),
            Xhyve = new(null, null, "was not found"),
            HyperKit = new(null, null, false, "was not found"),
            Vfkit = new(null, null, "was not found"),
        }),
    };

    private static (MachineSpec Spec, MachinePaths Paths, HostFacts Host) Of(MachineSpec spec) => (spec, Paths, Host);
}
