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

    private static readonly string[] Paths = [RestartPolicy, Labels, Annotations];

    /// <summary>What the request changes.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.InvalidArgument"/>: the mask has an unknown path.</exception>
    internal static MachineChange ToChange(UpdateMachineRequest request)
    {
        // A mask without paths is as good as none (AIP-134): many libraries make one.
        var paths = request.UpdateMask is { Paths.Count: > 0 } mask ? mask.Paths : null;
        if (paths?.FirstOrDefault(static path => !Paths.Contains(path, StringComparer.Ordinal)) is { } unknown)
            throw VmHostException.ForFaults([new("update_mask", $"{Quoted.Text(unknown)} cannot be changed; the paths are {string.Join(", ", Paths)}")]);

        bool Has(string path, bool isSet) => paths?.Contains(path) ?? isSet;
        return new()
        {
            Restart = Has(RestartPolicy, request.RestartPolicy is not null) ? RequestMapping.ToPolicy(request.RestartPolicy) : null,
            Labels = Has(Labels, request.Labels.Count > 0) ? Specs.Labels.None.AddRange(request.Labels) : null,
            Annotations = Has(Annotations, request.Annotations.Count > 0) ? Specs.Labels.None.AddRange(request.Annotations) : null,
        };
    }
}
