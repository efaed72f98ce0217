using System.Collections.Immutable;

namespace VmHost.Specs;

/// <summary>A change of those parts of a spec that may change while the machine exists. What is null stays as it is.</summary>
public sealed record SpecChange
{
    /// <summary>Guest memory in bytes.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Virtual CPUs.</summary>
    public int? CpuCount { get; init; }

    /// <summary>All published ports.</summary>
    public ImmutableArray<PublishedPort>? PublishedPorts { get; init; }

    /// <summary>All disks.</summary>
    public ImmutableArray<Disk>? Disks { get; init; }

    /// <summary>The kernel command line.</summary>
    public string? CommandLine { get; init; }

    /// <summary>Checks the change against a spec as a new machine's spec is checked, and returns it with defaults filled in.</summary>
    /// <param name="spec">The spec that is changed.</param>
    /// <param name="validate">Checks a request: <see cref="MachineSpecValidator.Validate"/> with the host's files.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>, with the fields at fault.</exception>
    public SpecChange Validate(MachineSpec spec, Func<MachineRequest, MachineValidation> validate)
    {
        var validation = validate(RequestOf(ApplyTo(spec)));
        if (validation.Spec is not { } valid)
            throw VmHostException.ForFaults(validation.Faults);

        return this with
        {
            PublishedPorts = PublishedPorts is null ? null : valid.PublishedPorts,
            CommandLine = CommandLine is null ? null : valid.Boot.CommandLine,
        };
    }

    /// <summary>The spec with the change.</summary>
    internal MachineSpec ApplyTo(MachineSpec spec) =>
        spec with
        {
            Memory = MemoryBytes is { } bytes ? new(bytes) : spec.Memory,
            CpuCount = CpuCount ?? spec.CpuCount,
            PublishedPorts = PublishedPorts ?? spec.PublishedPorts,
            Disks = Disks ?? spec.Disks,
            Boot = CommandLine is null ? spec.Boot : spec.Boot with { CommandLine = CommandLine },
        };

    private static MachineRequest RequestOf(MachineSpec spec) =>
        new(
            Name: null,
            new(TriplePrefix: null, spec.Boot.KernelPath, spec.Boot.InitrdPath, spec.Boot.CommandLine),
            spec.CpuCount,
            spec.Memory.Bytes,
            spec.PublishedPorts,
            spec.Hypervisor,
            spec.Uuid.ToString("D"))
        {
            Network = spec.Network,
            Disks = spec.Disks,
            CdromPaths = spec.CdromPaths,
            SecondSerialPath = spec.SecondSerialPath,
            OnReboot = spec.OnReboot,
        };
}
