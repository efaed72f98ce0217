using System.Collections.Immutable;

namespace VmHost.Specs;

/// <summary>
/// A machine as it will be run: validated, with every default filled in. Immutable while the machine exists, and stored
/// as it is in <c>machine.json</c>. Two are equal when all values are, the ports in the same order.
/// </summary>
public sealed record MachineSpec
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

    /// <inheritdoc/>
    public bool Equals(MachineSpec? other) =>
        other is not null
        && Boot == other.Boot
        && CpuCount == other.CpuCount
        && Memory == other.Memory
        && Ports(this).SequenceEqual(Ports(other))
        && Hypervisor == other.Hypervisor
        && Uuid == other.Uuid;

    /// <inheritdoc/>
    public override int GetHashCode() =>
        HashCode.Combine(Boot, CpuCount, Memory, Ports(this).Length, Hypervisor, Uuid);

    // The default of an ImmutableArray is no array at all.
    private static ReadOnlySpan<PublishedPort> Ports(MachineSpec spec) =>
        spec.PublishedPorts.IsDefault ? [] : spec.PublishedPorts.AsSpan();
}
