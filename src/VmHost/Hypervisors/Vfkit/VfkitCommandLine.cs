using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using VmHost.Specs;

namespace VmHost.Hypervisors.Vfkit;

/// <summary>
/// Turns a spec into vfkit's argv. <c>--device</c> values end at a comma, for which no escape exists, so disks are named
/// by links; kernel, initrd and command line go by the three options whose values are taken as they are.
/// </summary>
internal static class VfkitCommandLine
{
    internal static (ImmutableArray<PlanOption> Options, ImmutableArray<PlanLink> Links) Build(MachineSpec spec, MachinePaths paths)
    {
        var options = new PlanOptions();
        var links = ImmutableArray.CreateBuilder<PlanLink>();
        options.Add("virtual CPUs", "--cpus", spec.CpuCount.ToString(CultureInfo.InvariantCulture));
        options.Add("memory, in MiB", "--memory", spec.Memory.MiB.ToString(CultureInfo.InvariantCulture));
        options.Add("the kernel", "--kernel", spec.Boot.KernelPath);
        options.Add("the initial ramdisk, without which vfkit does not start", "--initrd", spec.Boot.InitrdPath ?? "");
        options.Add("the kernel command line, taken as it is", "--kernel-cmdline", spec.Boot.CommandLine);
        options.Add("hvc0 on the terminal that is file 0 and 1 of the process", "--device", "virtio-serial,stdio");
        if (spec.Network.Mode == NetworkMode.Nat)
            options.Add("network by way of the host; a MAC address of the machine's own, so its lease stays", "--device", $"virtio-net,nat,mac={spec.Network.MacAddress ?? MacOf(spec.Uuid)}");

        for (var i = 0; i < spec.Disks.Length; i++)
            options.Add($"disk {i}, by a link without commas", "--device", $"virtio-blk,path={Link("disk", i, spec.Disks[i].Path)}{(spec.Disks[i].ReadOnly ? ",readonly" : "")}");
        for (var i = 0; i < spec.CdromPaths.Length; i++)
            options.Add($"CD-ROM {i}, by a link without commas", "--device", $"usb-mass-storage,path={Link("cdrom", i, spec.CdromPaths[i])},readonly");

        options.Add("random numbers from the host", "--device", "virtio-rng");
        options.AddForControl("where VmHost asks for a stop, a pause and the state", "--restful-uri", $"unix://{string.Join('/', paths.RestSocket.Split('/').Select(Uri.EscapeDataString))}");
        return (options.ToImmutable(), links.ToImmutable());

        string Link(string kind, int number, string target)
        {
            var link = new PlanLink(Path.Combine(paths.Directory, string.Create(CultureInfo.InvariantCulture, $"{kind}{number}")), target);
            links.Add(link);
            return link.Path;
        }
    }

    /// <summary>The same for the same machine: locally administered (52:54:00, as virtual machines have it) and unicast.</summary>
    internal static string MacOf(Guid uuid)
    {
        var hash = SHA256.HashData(uuid.ToByteArray(bigEndian: true));
        return string.Create(CultureInfo.InvariantCulture, $"52:54:00:{hash[0]:x2}:{hash[1]:x2}:{hash[2]:x2}");
    }
}
