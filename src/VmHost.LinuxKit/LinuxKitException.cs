namespace VmHost.LinuxKit;

/// <summary>An image cannot be built, for reasons that the person who asked can do something about.</summary>
public sealed class LinuxKitException : Exception
{
    /// <summary>One reason.</summary>
    /// <param name="fault">A sentence that names what is wrong, where, and the cure.</param>
    /// <param name="inner">What was found out by.</param>
    public LinuxKitException(string fault, Exception? inner = null)
        : base(fault, inner) => Faults = [fault];

    /// <summary>Several reasons, all found at once.</summary>
    /// <param name="faults">At least one.</param>
    public LinuxKitException(IReadOnlyList<string> faults)
        : base(string.Join('\n', faults)) => Faults = faults;

    /// <summary>All that is wrong, a sentence each.</summary>
    public IReadOnlyList<string> Faults { get; }
}
