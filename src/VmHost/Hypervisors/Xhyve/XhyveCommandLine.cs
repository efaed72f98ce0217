using System.Collections.Immutable;
using System.Globalization;
using VmHost.Hypervisors.Bhyve;
using VmHost.Specs;

namespace VmHost.Hypervisors.Xhyve;

/// <summary>
/// Turns a spec into xhyve's argv. The order is that in which people write it; xhyve takes any. Never used: <c>-F</c> (a
/// stale file stops the next start), <c>-M</c>, <c>-g</c> (open to the network), <c>-Y</c> (swallows the next option) and
/// the console back ends that lose output.
/// </summary>
internal static class XhyveCommandLine
{
    internal static (ImmutableArray<PlanOption> Options, ImmutableArray<PlanLink> Links) Build(MachineSpec spec, MachinePaths paths)
    {
        var options = new PlanOptions();
        options.Add("ACPI tables, without which the guest can neither power off nor see a power button", "-A");
        options.Add("the clock is in UTC, as Linux expects; else it would be in local time", "-u");
        if (spec.CpuCount > 1)
            options.Add("virtual CPUs", "-c", spec.CpuCount.ToString(CultureInfo.InvariantCulture));

        options.Add("memory; with a unit, since a bare number may mean bytes or MiB", "-m", string.Create(CultureInfo.InvariantCulture, $"{spec.Memory.MiB}M"));
        options.Add("the machine's own UUID: vmnet makes the MAC address of it, so address and lease stay", "-U", spec.Uuid.ToString("D"));

        var devices = new BhyveDevices(options, paths);
        devices.AddBoard(spec.SecondSerialPath);
        if (spec.Network.Mode == NetworkMode.Nat)
            devices.AddNetwork("network through vmnet, with addresses from macOS's DHCP", "virtio-net");

        devices.AddDisks(spec.Disks);
        devices.AddCdroms(spec.CdromPaths);
        devices.AddEntropy();
        devices.AddFirmware(spec.Boot);
        return (options.ToImmutable(), devices.Links);
    }
}
