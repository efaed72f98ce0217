using System.Collections.Immutable;

namespace VmHost.Specs;

/// <summary>Which hypervisor is to run a machine.</summary>
public enum HypervisorKind
{
    /// <summary>The best that this host offers.</summary>
    Auto,

    /// <summary>QEMU, with KVM where the host has it.</summary>
    Qemu,
}

/// <summary>A machine as it was asked for: nothing checked, nothing filled in, null is unset.</summary>
/// <param name="Name">As <see cref="MachineName"/> wants it; null for one made of the image's name.</param>
/// <param name="Boot">What to boot.</param>
/// <param name="CpuCount">Virtual CPUs, 1 to 64; null for 1.</param>
/// <param name="MemoryBytes">Guest memory in bytes, a multiple of 1 MiB; null for 1 GiB.</param>
/// <param name="PublishedPorts">At most 64. Default counts as empty.</param>
/// <param name="Hypervisor">Which hypervisor.</param>
/// <param name="Uuid">SMBIOS UUID in its 8-4-4-4-12 form; null for a random one.</param>
public sealed record MachineRequest(
    string? Name,
    BootRequest Boot,
    int? CpuCount,
    long? MemoryBytes,
    ImmutableArray<PublishedPort> PublishedPorts,
    HypervisorKind Hypervisor,
    string? Uuid);
