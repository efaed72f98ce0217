using System.Collections.Immutable;
using System.Globalization;
using VmHost.Images;
using VmHost.Specs;

namespace VmHost.Hypervisors.Bhyve;

/// <summary>What neither xhyve nor HyperKit can do.</summary>
internal static class BhyveFaults
{
    internal static void Add(
        ImmutableArray<SpecFault>.Builder faults, MachineSpec spec, MachinePaths paths, string hypervisor, int maxCpus)
    {
        if (UnsupportedGuest.FaultOf(spec.Boot, hypervisor) is { } guest)
            faults.Add(guest);
        if (spec.CpuCount > maxCpus)
            faults.Add(new("spec.cpu_count", string.Create(CultureInfo.InvariantCulture, $"{hypervisor} supports at most {maxCpus} CPUs, not {spec.CpuCount}; give fewer, or use QEMU")));
        if (!HasValidVariant(spec.Uuid))
            faults.Add(new("spec.uuid", $"{hypervisor} exits without a word at a UUID whose fourth group begins with e or f; give another, or leave it out"));
        if (!spec.PublishedPorts.IsDefaultOrEmpty)
            faults.Add(new("spec.published_ports", $"{hypervisor} publishes no ports; connect to the guest's own address, or use QEMU"));
        if (spec.Boot.CommandLine.Length == 0 && !TakesOneSpace(spec.Boot.KernelPath))
            faults.Add(new("spec.boot.command_line", $"is empty, which {hypervisor} replaces by 'auto', and this kernel has no room for a space in its place; use QEMU"));
        if (paths.Directory.Contains(',', StringComparison.Ordinal))
            faults.Add(new("spec.hypervisor", $"{hypervisor} cuts paths at commas, and the state directory's has one: {Quoted.Text(paths.Directory)}; start vmhostd with another --state-dir, or use QEMU"));
    }

    /// <summary>On a Mac vmnet wants root; elsewhere there is no vmnet, only programs that stand in for the hypervisor.</summary>
    internal static SpecFault? VmnetFaultOf(MachineSpec spec, HostPlatform host, bool isSetuidRoot, string hypervisor, string instead) =>
        spec.Network.Mode == NetworkMode.Nat && host is { IsMac: true, IsRoot: false } && !isSetuidRoot
            ? new("spec.networks[0].mode", $"{hypervisor} networking needs root or setuid (vmnet); run vmhostd as root, or use {instead}")
            : null;

    // One that cannot be read has a fault of its own.
    private static bool TakesOneSpace(string kernel)
    {
        using var file = ImageFile.Open(kernel, mayBeEmpty: false, out var status, out _);
        return file is null || !BzImageHeader.TryRead(file, status.Size, out var header, out _) || header.MaxCommandLineBytes >= 1;
    }

    // The tools parse with uuid_from_string, which takes the variants 0xx, 10x and 110.
    private static bool HasValidVariant(Guid uuid) => (uuid.ToByteArray(bigEndian: true)[8] & 0xe0) != 0xe0;
}
