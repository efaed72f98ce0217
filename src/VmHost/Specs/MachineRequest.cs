using System.Collections.Immutable;

namespace VmHost.Specs;

/// <summary>Which hypervisor is to run a machine.</summary>
public enum HypervisorKind
{
    /// <summary>The best that this host offers.</summary>
    Auto,

    /// <summary>QEMU, with KVM where the host has it.</summary>
    Qemu,

    /// <summary>xhyve, on Intel Macs.</summary>
    Xhyve,

    /// <summary>HyperKit, on Intel Macs.</summary>
    HyperKit,

    /// <summary>vfkit, on Macs.</summary>
    Vfkit,
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
    string? Uuid)
{
    /// <summary>The fault of a request whose id came with another request before.</summary>
    public static SpecFault IdFault { get; } = new("request_id", "came with another request before; each request takes an id of its own");

    /// <summary>The network interface; null for NAT.</summary>
    public Network? Network { get; init; }

    /// <summary>At most 16, each file once.</summary>
    public ImmutableArray<Disk> Disks { get; init; } = [];

    /// <summary>Absolute paths, at most 4.</summary>
    public ImmutableArray<string> CdromPaths { get; init; } = [];

    /// <summary>Absolute path of a terminal device; null for no second serial port.</summary>
    public string? SecondSerialPath { get; init; }

    /// <summary>What happens when the guest reboots.</summary>
    public RebootAction OnReboot { get; init; }

    /// <summary>When it is started again by itself.</summary>
    public RestartPolicy Restart { get; init; } = RestartPolicy.Never;

    /// <summary>As <see cref="Specs.Labels"/> checks them.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = Specs.Labels.None;

    /// <summary>As <see cref="Specs.Labels"/> checks them.</summary>
    public ImmutableSortedDictionary<string, string> Annotations { get; init; } = Specs.Labels.None;

    /// <summary>Given by the caller, so that asking again makes no second machine; null for none.</summary>
    public string? Id { get; init; }

    /// <summary>The digest of the whole request, which tells whether one with the same id is the same request; null without an id.</summary>
    public string? Digest { get; init; }
}
