using System.Collections.Immutable;
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

    private static readonly string[] Paths = [RestartPolicy, Labels, Annotations];

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

        bool Has(string path, bool isSet) => paths?.Contains(path) ?? isSet;
        return new()
        {
            Restart = Has(RestartPolicy, request.RestartPolicy is not null) ? RequestMapping.ToPolicy(request.RestartPolicy) : null,
            Labels = Has(Labels, request.Labels.Count > 0) ? Specs.Labels.None.AddRange(request.Labels) : null,
            LabelEdits = paths?.Any(IsOneLabel) == true ? EditsOf(paths.Where(IsOneLabel), request.Labels) : null,
            Annotations = Has(Annotations, request.Annotations.Count > 0) ? Specs.Labels.None.AddRange(request.Annotations) : null,
        };
    }

    private static bool IsOneLabel(string path) => path.Length > OneLabel.Length && path.StartsWith(OneLabel, StringComparison.Ordinal);

    // A label that the mask names and the request does not set is removed.
    private static ImmutableSortedDictionary<string, string?> EditsOf(IEnumerable<string> paths, MapField<string, string> labels) =>
        paths.Select(static path => path[OneLabel.Length..]).Distinct(StringComparer.Ordinal)
            .ToImmutableSortedDictionary(static key => key, key => labels.TryGetValue(key, out var value) ? value : null, StringComparer.Ordinal);
}
