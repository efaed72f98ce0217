namespace VmHost.Hypervisors.Diagnosis;

/// <summary>One thing to look at. Pure: the same evidence gives the same finding.</summary>
/// <param name="Id">Of its findings.</param>
/// <param name="Look">What there is to say; null where the check does not apply to such a host.</param>
internal sealed record Check(string Id, Func<HostEvidence, Verdict?> Look)
{
    internal Finding? Examine(HostEvidence evidence) =>
        Look(evidence) is { } verdict ? new(Id, verdict.Severity, verdict.Title, verdict.Detail, verdict.Cure) : null;
}

/// <summary>A finding without the name of its check.</summary>
internal sealed record Verdict(FindingSeverity Severity, string Title, string Detail, string? Cure)
{
    internal static Verdict Ok(string title, string detail) => new(FindingSeverity.Ok, title, detail, null);

    internal static Verdict Warning(string title, string detail, string cure) => new(FindingSeverity.Warning, title, detail, cure);

    internal static Verdict Problem(string title, string detail, string cure) => new(FindingSeverity.Problem, title, detail, cure);

    /// <summary>Never taken for a good sign.</summary>
    /// <param name="title">What is not known.</param>
    /// <param name="how">How a person can look.</param>
    internal static Verdict NotKnown(string title, string how) =>
        new(FindingSeverity.Warning, title, "it could not be found out", $"look yourself: {how}");
}
