using VmHost.FakeHypervisor.Guest;

namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>Where xhyve and HyperKit, two ports of the same bhyve, differ.</summary>
/// <param name="Name">As in its messages.</param>
/// <param name="Version">What <c>-v</c> says.</param>
/// <param name="MaxCpus">VM_MAXCPU.</param>
/// <param name="Devices">What <c>-s</c> knows.</param>
/// <param name="Firmwares">What <c>-f</c> knows.</param>
/// <param name="NeedsAllCommas">Whether <c>-f kexec</c> without an initrd's or a command line's comma is refused.</param>
/// <param name="PausesOnUserSignals">Else they kill, as by default.</param>
/// <param name="LocksDisks">Whether it takes a lock on a disk's file.</param>
internal sealed record Face(
    string Name, string Version, int MaxCpus, string[] Devices, string[] Firmwares, bool NeedsAllCommas, bool PausesOnUserSignals, bool LocksDisks)
{
    private static readonly string[] CommonDevices =
        ["hostbridge", "amd_hostbridge", "lpc", "virtio-net", "virtio-tap", "virtio-blk", "ahci-hd", "ahci-cd", "virtio-rnd", "uart", "dummy"];

    /// <summary>xhyve.c at its last commit.</summary>
    internal static Face Xhyve { get; } = new(
        "xhyve", "xhyve: v0.2.0-107-gdfbe09b", 16, [.. CommonDevices, "e1000", "fbuf"], ["kexec", "fbsd"],
        NeedsAllCommas: true, PausesOnUserSignals: false, LocksDisks: false);

    /// <summary>hyperkit.c at its last commit.</summary>
    internal static Face HyperKit { get; } = new(
        "hyperkit", "hyperkit: v0.20210107", 64, [.. CommonDevices, "virtio-vpnkit", "virtio-9p", "virtio-sock"], ["kexec", "fbsd", "bootrom", "multiboot"],
        NeedsAllCommas: false, PausesOnUserSignals: true, LocksDisks: true);

    /// <summary>The two contradict each other (<c>vmexit_suspend</c> in both).</summary>
    internal int ExitCodeOf(GuestEnd end) =>
        (this == Xhyve, end) switch
        {
            (true, GuestEnd.PowerOff) => 1,
            (true, GuestEnd.Reset) => 0,
            (true, GuestEnd.Halt) => 2,
            (false, GuestEnd.PowerOff) => 0,
            (false, GuestEnd.Reset) => 2,
            (false, GuestEnd.Halt) => 0,
            _ => 3,
        };

    internal string Usage =>
        $"""
        Usage: {Name} [-behuwxMACHPWY] [-c vcpus] [-F <pidfile>] [-g <gdb port>] [-l <lpc>]
                     [-m mem] [-s <pci>] [-U uuid] -f <fw>
               -A: create ACPI tables
               -c: # cpus (default 1)
               -C: include guest memory in core file
               -f: firmware
               -F: pidfile
               -h: help
               -l: LPC device configuration. Ex: -l com1,stdio -l com2,autopty
               -m: memory size in MB, may be suffixed with one of K, M, G or T
               -M: print MAC address and exit if using vmnet
               -s: <slot,driver,configinfo> PCI slot config
               -u: RTC keeps UTC time
               -U: uuid
               -v: show build version
        """;
}
