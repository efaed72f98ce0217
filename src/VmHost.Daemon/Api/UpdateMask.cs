using System.Collections.Immutable;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Collections;
using VmHost.Machines;
using VmHost.Protocol.V1;
using VmHost.Specs;

namespace VmHost.Daemon.Api;

/// <summary>The fields of an update (AIP-134).</summary>
internal static class UpdateMask
{
    private const string RestartPolicy = "restart_policy";
    private const string Labels = "labels";
    private const string Annotations = "annotations";

    private const string OneLabel = "labels.";

    private const string Memory = "spec.memory_bytes";
    private const string Cpus = "spec.cpu_count";
    private const string Ports = "spec.published_ports";
    private const string Disks = "spec.disks";
    private const string CommandLine = "spec.boot.command_line";

    private static readonly string[] Paths = [RestartPolicy, Labels, Annotations, Memory, Cpus, Ports, Disks, CommandLine];

    /// <summary>What the request changes.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: the mask has an unknown path.</exception>
    internal static MachineChange ToChange(UpdateMachineRequest request)
    {
        // A mask without paths is as good as none (AIP-134): many libraries make one.
        var paths = request.UpdateMask is { Paths.Count: > 0 } mask ? mask.Paths : null;
        if (paths?.FirstOrDefault(static path => !Paths.Contains(path, StringComparer.Ordinal) && !IsOneLabel(path)) is { } unknown)
            throw VmHostException.ForFaults([new("update_mask", $"{Quoted.Text(unknown)} cannot be changed; the paths are {string.Join(", ", Paths)} and {OneLabel}KEY")]);
        if (paths is not null && paths.Contains(Labels) && paths.Any(IsOneLabel))
            throw VmHostException.ForFaults([new("update_mask", $"names {Labels} and single labels; name all of them or some")]);

        ThrowIfFixed(request.Spec);
        var spec = request.Spec ?? new();
        bool Has(string path, bool isSet) => paths?.Contains(path) ?? isSet;
        return new()
        {
            Spec = ChangeOf(spec, Has),
            Restart = Has(RestartPolicy, request.RestartPolicy is not null) ? RequestMapping.ToPolicy(request.RestartPolicy) : null,
            Labels = Has(Labels, request.Labels.Count > 0) ? Specs.Labels.None.AddRange(request.Labels) : null,
            LabelEdits = paths?.Any(IsOneLabel) == true ? EditsOf(paths.Where(IsOneLabel), request.Labels) : null,
            Annotations = Has(Annotations, request.Annotations.Count > 0) ? Specs.Labels.None.AddRange(request.Annotations) : null,
        };
    }

    // Null where nothing of it changes. A field that is named and not set gets its default.
    private static SpecChange? ChangeOf(Protocol.V1.MachineSpec spec, Func<string, bool, bool> has)
    {
        var change = new SpecChange
        {
            MemoryBytes = has(Memory, spec.HasMemoryBytes) ? spec.HasMemoryBytes ? spec.MemoryBytes : MachineSpecValidator.DefaultMemory.Bytes : null,
            CpuCount = has(Cpus, spec.HasCpuCount) ? spec.HasCpuCount ? spec.CpuCount : 1 : null,
            PublishedPorts = has(Ports, spec.PublishedPorts.Count > 0) ? [.. spec.PublishedPorts.Select(RequestMapping.ToPort)] : null,
            Disks = has(Disks, spec.Disks.Count > 0) ? [.. spec.Disks.Select(RequestMapping.ToDisk)] : null,
            CommandLine = has(CommandLine, spec.Boot?.HasCommandLine == true) ? spec.Boot?.CommandLine ?? "" : null,
        };
        return change == new SpecChange() ? null : change;
    }

    // A field that cannot be changed is refused by its name: to ignore it would read as success.
    private static void ThrowIfFixed(Protocol.V1.MachineSpec? spec)
    {
        if (spec is null)
            return;

        var rest = spec.Clone();
        rest.ClearMemoryBytes();
        rest.ClearCpuCount();
        rest.PublishedPorts.Clear();
        rest.Disks.Clear();
        rest.Boot?.ClearCommandLine();
        var set = rest.Boot is { } boot && boot.CalculateSize() > 0
            ? boot.SetFields().Select(static field => $"spec.boot.{field}")
            : rest.SetFields().Where(static field => field != "boot").Select(static field => $"spec.{field}");
        if (set.FirstOrDefault() is { } path)
            throw VmHostException.ForFaults([new(path, $"cannot be changed; the fields of the spec that can are {string.Join(", ", Paths.Where(static one => one.StartsWith("spec.", StringComparison.Ordinal)))}")]);
    }

    private static IEnumerable<string> SetFields(this IMessage message) =>
        message.Descriptor.Fields.InFieldNumberOrder()
            .Where(field => field.IsRepeated ? ((System.Collections.IList)field.Accessor.GetValue(message)).Count > 0 : field.HasPresence ? field.Accessor.HasValue(message) : !IsDefault(field.Accessor.GetValue(message)))
            .Select(static field => field.Name);

    private static bool IsDefault(object value) => value is string { Length: 0 } or 0 or 0L or false || (value is Enum number && Convert.ToInt32(number, CultureInfo.InvariantCulture) == 0);

    private static bool IsOneLabel(string path) => path.Length > OneLabel.Length && path.StartsWith(OneLabel, StringComparison.Ordinal);

    // A label that the mask names and the request does not set is removed.
    private static ImmutableSortedDictionary<string, string?> EditsOf(IEnumerable<string> paths, MapField<string, string> labels) =>
        paths.Select(static path => path[OneLabel.Length..]).Distinct(StringComparer.Ordinal)
            .ToImmutableSortedDictionary(static key => key, key => labels.TryGetValue(key, out var value) ? value : null, StringComparer.Ordinal);
}
