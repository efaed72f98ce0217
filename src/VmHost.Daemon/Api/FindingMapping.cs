using VmHost.Protocol.V1;

namespace VmHost.Daemon.Api;

/// <summary>From what was found on the host to messages.</summary>
internal static class FindingMapping
{
    internal static Finding ToProto(Hypervisors.Diagnosis.Finding finding) =>
        new()
        {
            Id = finding.Id,
            Severity = ToProto(finding.Severity),
            Title = finding.Title,
            Detail = finding.Detail,
            Remedy = finding.Cure ?? "",
        };

    private static FindingSeverity ToProto(Hypervisors.Diagnosis.FindingSeverity severity) =>
        severity switch
        {
            Hypervisors.Diagnosis.FindingSeverity.Ok => FindingSeverity.Ok,
            Hypervisors.Diagnosis.FindingSeverity.Warning => FindingSeverity.Warning,
            Hypervisors.Diagnosis.FindingSeverity.Problem => FindingSeverity.Problem,
            _ => FindingSeverity.Unspecified,
        };
}
