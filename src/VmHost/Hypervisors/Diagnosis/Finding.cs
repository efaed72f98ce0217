namespace VmHost.Hypervisors.Diagnosis;

/// <summary>How much a finding matters.</summary>
public enum FindingSeverity
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Machines run, but slower, without network or not on every hypervisor; or it could not be found out.</summary>
    Warning,

    /// <summary>A machine that asks for nothing special will not run, or something that was set up on purpose cannot work.</summary>
    Problem,
}

/// <summary>What one check found.</summary>
/// <param name="Id">The check, for programs: lower-case words with hyphens, the same in every version.</param>
/// <param name="Severity">How much it matters.</param>
/// <param name="Title">A few words.</param>
/// <param name="Detail">What was found, and what follows from it.</param>
/// <param name="Cure">What to do; null where nothing is to be done.</param>
public sealed record Finding(string Id, FindingSeverity Severity, string Title, string Detail, string? Cure);
