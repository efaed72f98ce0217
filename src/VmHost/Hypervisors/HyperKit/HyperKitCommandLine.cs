using System.Collections.Immutable;
using System.Globalization;
using VmHost.Hypervisors.Bhyve;
using VmHost.Specs;

namespace VmHost.Hypervisors.HyperKit;

/// <summary>
/// Turns a spec into HyperKit's argv. Never used: <c>-F</c> (a stale file stops the next start), <c>-M</c>, <c>-g</c>, and
/// the console back ends <c>autopty</c> and <c>log</c>, which lose output.
/// </summary>
internal static class HyperKitCommandLine
{
    internal static (ImmutableArray<PlanOption> Options, ImmutableArray<PlanLink> Links) Build(MachineSpec spec, MachinePaths paths)
    {
        var options = new PlanOptions();
        options.Add("ACPI tables, without which the guest can neither power off nor see a power button", "-A");
        options.Add("the clock is in UTC, as Linux expects; else it would be in local time", "-u");
        options.Add("virtual CPUs", "-c", spec.CpuCount.ToString(CultureInfo.InvariantCulture));
        options.Add("memory; with a unit, since a bare number may mean bytes or MiB", "-m", string.Create(CultureInfo.InvariantCulture, $"{spec.Memory.MiB}M"));
        options.Add("the machine's own UUID, of which vmnet and vpnkit make its addresses", "-U", spec.Uuid.ToString("D"));

        var devices = new BhyveDevices(options, paths);
        devices.AddBoard(spec.SecondSerialPath);
        AddNetwork(devices, spec);
        devices.AddDisks(spec.Disks);
        devices.AddCdroms(spec.CdromPaths);
        devices.AddEntropy();
        devices.AddFirmware(spec.Boot);
        return (options.ToImmutable(), devices.Links);
    }

    private static void AddNetwork(BhyveDevices devices, MachineSpec spec)
    {
        switch (spec.Network)
        {
            // The word before mac= is read as an interface's name and must be there: without it HyperKit crashes.
            case { Mode: NetworkMode.Nat, MacAddress: { } mac }:
                devices.AddNetwork("network through vmnet, with this MAC address", $"virtio-net,vmnet0,mac={mac}");
                break;
            case { Mode: NetworkMode.Nat }:
                devices.AddNetwork("network through vmnet, with addresses from macOS's DHCP", "virtio-net");
                break;
            case { Mode: NetworkMode.Vpnkit, VpnkitSocket: { } socket }:
                devices.AddNetwork("network through vpnkit; the UUID makes the address stay", $"virtio-vpnkit,path={socket},uuid={spec.Uuid:D}");
                break;
        }
    }
}
