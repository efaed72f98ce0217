using System.Collections.Immutable;

namespace VmHost.Specs;

/// <summary>
/// A machine as it will be run: validated, with every default filled in. Immutable while the machine exists, and stored
/// as it is in <c>machine.json</c>. Two are equal when all values are, lists in the same order.
/// </summary>
public sealed record MachineSpec : StoredObject
{
    /// <summary>What is booted.</summary>
    public required BootFiles Boot { get; init; }

    /// <summary>Virtual CPUs, 1 to 64.</summary>
    public required int CpuCount { get; init; }

    /// <summary>Guest memory, a multiple of 1 MiB.</summary>
    public required ByteSize Memory { get; init; }

    /// <summary>At most 64, none overlapping another on the host.</summary>
    public required ImmutableArray<PublishedPort> PublishedPorts { get; init; }

    /// <summary>As asked for; <see cref="HypervisorKind.Auto"/> is decided at each start.</summary>
    public required HypervisorKind Hypervisor { get; init; }

    /// <summary>SMBIOS UUID, fixed for the machine's life.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>The network interface.</summary>
    public Network Network { get; init; } = Network.Default;

    /// <summary>At most 16, in the order in which the guest sees them.</summary>
    public ImmutableArray<Disk> Disks { get; init; } = [];

    /// <summary>Absolute paths of images that the guest sees as CD-ROMs, at most 4.</summary>
    public ImmutableArray<string> CdromPaths { get; init; } = [];

    /// <summary>Absolute path of the terminal device that is the guest's second serial port; null for none.</summary>
    public string? SecondSerialPath { get; init; }

    /// <summary>What happens when the guest reboots.</summary>
    public RebootAction OnReboot { get; init; }

    /// <inheritdoc/>
    public bool Equals(MachineSpec? other) =>
        other is not null
        && Boot == other.Boot
        && CpuCount == other.CpuCount
        && Memory == other.Memory
        && Items(PublishedPorts).SequenceEqual(Items(other.PublishedPorts))
        && Hypervisor == other.Hypervisor
        && Uuid == other.Uuid
        && Network == other.Network
        && Items(Disks).SequenceEqual(Items(other.Disks))
        && Items(CdromPaths).SequenceEqual(Items(other.CdromPaths))
        && SecondSerialPath == other.SecondSerialPath
        && OnReboot == other.OnReboot;

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(Boot, CpuCount, Memory, Items(PublishedPorts).Length, Hypervisor, Uuid, Network, Items(Disks).Length);

    // The default of an ImmutableArray is no array at all.
    private static ReadOnlySpan<T> Items<T>(ImmutableArray<T> array) => array.IsDefault ? [] : array.AsSpan();
}
