using System.Globalization;

namespace VmHost.Specs;

/// <summary>After which ends a machine is started again without anybody asking.</summary>
public enum RestartMode
{
    /// <summary>After none.</summary>
    No,

    /// <summary>After those that are failures.</summary>
    OnFailure,

    /// <summary>After all but a stop by hand, and whenever the host has booted.</summary>
    Always,

    /// <summary>As <see cref="Always"/>, but not at a boot of the host when it was stopped by hand.</summary>
    UnlessStopped,
}

/// <summary>When a machine is started again, and how often.</summary>
/// <param name="Mode">After which ends.</param>
/// <param name="MaxRetries">
/// With <see cref="RestartMode.OnFailure"/>: how many starts in a row may fail before it is given up, 0 for any number.
/// Otherwise 0.
/// </param>
public sealed record RestartPolicy(RestartMode Mode, int MaxRetries) : StoredObject
{
    /// <summary>The most retries that can be asked for; 0 asks for any number.</summary>
    public const int LargestMaxRetries = 1000;

    /// <summary>Never started again.</summary>
    public static RestartPolicy Never { get; } = new(RestartMode.No, 0);

    /// <summary>What is wrong with it, or null.</summary>
    public SpecFault? Fault()
    {
        if (!Enum.IsDefined(Mode))
            return new("restart_policy.mode", "is none that this version knows");
        if (MaxRetries is < 0 or > LargestMaxRetries)
            return new("restart_policy.max_retries", string.Create(CultureInfo.InvariantCulture, $"must be 0 to {LargestMaxRetries}, not {MaxRetries}"));

        return MaxRetries != 0 && Mode != RestartMode.OnFailure
            ? new("restart_policy.max_retries", "goes with the mode on-failure only")
            : null;
    }
}
