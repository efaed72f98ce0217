using System.Collections.Immutable;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines;

/// <summary>A change of what a machine was created with, which may be made in any state. What is null stays as it is.</summary>
public sealed record MachineChange
{
    /// <summary>No change. The record is written, which a machine needs that is created and not started.</summary>
    internal static MachineChange WriteOnly { get; } = new() { IsWriteOnly = true };

    /// <summary>When the machine is started again automatically.</summary>
    public RestartPolicy? Restart { get; init; }

    /// <summary>All labels.</summary>
    public ImmutableSortedDictionary<string, string>? Labels { get; init; }

    /// <summary>Labels that are set, or removed where the value is null. The others stay, also those that another request sets meanwhile.</summary>
    public ImmutableSortedDictionary<string, string?>? LabelEdits { get; init; }

    /// <summary>All annotations.</summary>
    public ImmutableSortedDictionary<string, string>? Annotations { get; init; }

    /// <summary>The name.</summary>
    public string? Name { get; init; }

    /// <summary>The spec, or parts of it. What runs keeps its spec; the next boot takes the change.</summary>
    public SpecChange? Spec { get; init; }

    internal bool IsWriteOnly { get; private init; }

    /// <summary>Everything that is wrong with it.</summary>
    /// <param name="labels">The labels of the machine now.</param>
    internal IEnumerable<SpecFault> Faults(ImmutableSortedDictionary<string, string> labels)
    {
        if (Restart?.Fault() is { } fault)
            yield return fault;
        foreach (var label in Specs.Labels.FaultsOfLabels(Edited(Labels ?? labels)))
            yield return label;
        foreach (var annotation in Specs.Labels.FaultsOfAnnotations(Annotations ?? Specs.Labels.None))
            yield return annotation;
    }

    /// <summary>The record with the change; equal to the record where nothing differs.</summary>
    /// <param name="record">The record.</param>
    /// <param name="isAtRest">Whether nothing of the machine runs or is being started: then the spec itself changes.</param>
    internal MachineRecord Apply(MachineRecord record, bool isAtRest)
    {
        var changed = WithSpec(record, isAtRest) with
        {
            Name = Name ?? record.Name,
            Restart = Restart ?? record.Restart,
            Labels = Changed(record.Labels, Edited(Labels ?? record.Labels ?? Specs.Labels.None)),
            Annotations = Changed(record.Annotations, Annotations),
        };
        return changed == record ? record : changed with { Revision = record.Revision + 1 };
    }

    private MachineRecord WithSpec(MachineRecord record, bool isAtRest)
    {
        if (Spec is null)
            return record;

        var spec = Spec.ApplyTo(record.PendingSpec ?? record.Spec);
        return isAtRest
            ? record with { Spec = spec, PendingSpec = null, PendingProblem = null }
            : record with { PendingSpec = spec == record.Spec ? null : spec, PendingProblem = null };
    }

    private ImmutableSortedDictionary<string, string> Edited(ImmutableSortedDictionary<string, string> labels)
    {
        if (LabelEdits is null)
            return labels;

        var edited = labels.ToBuilder();
        foreach (var (key, value) in LabelEdits)
        {
            if (value is null)
                edited.Remove(key);
            else
                edited[key] = value;
        }

        return edited.ToImmutable();
    }

    private static ImmutableSortedDictionary<string, string>? Changed(ImmutableSortedDictionary<string, string>? before, ImmutableSortedDictionary<string, string>? after)
    {
        if (after is null || (before ?? Specs.Labels.None).SequenceEqual(after))
            return before;

        return after.IsEmpty ? null : after;
    }
}
