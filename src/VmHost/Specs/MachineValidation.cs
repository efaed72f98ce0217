using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace VmHost.Specs;

/// <summary>What the validation of a <see cref="MachineRequest"/> found.</summary>
public sealed class MachineValidation
{
    internal MachineValidation(ImmutableArray<SpecFault> faults) => Faults = faults;

    internal MachineValidation(string name, bool nameIsAutomatic, MachineSpec spec)
    {
        Name = name;
        NameIsAutomatic = nameIsAutomatic;
        Spec = spec;
    }

    /// <summary>Every fault, in field order; empty when the request is sound.</summary>
    public ImmutableArray<SpecFault> Faults { get; } = [];

    /// <summary>The name asked for, or one made of the image's name. Null when there are faults.</summary>
    public string? Name { get; }

    /// <summary>The name was made: if it is taken, <c>-2</c> and so on may be put behind it.</summary>
    public bool NameIsAutomatic { get; }

    /// <summary>The machine to make. Null when there are faults.</summary>
    public MachineSpec? Spec { get; }

    /// <summary>There are no faults, so there is a name and a spec.</summary>
    [MemberNotNullWhen(true, nameof(Name), nameof(Spec))]
    public bool IsSound => Spec is not null;

    /// <summary>Ends here when there are faults.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>, with every fault.</exception>
    [MemberNotNull(nameof(Name), nameof(Spec))]
    public void ThrowIfFaulty()
    {
        if (!IsSound)
            throw VmHostException.ForFaults(Faults);
    }
}
