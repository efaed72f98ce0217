namespace VmHost.Supervision;

/// <summary>The result of an attempt to reach a boot's shim.</summary>
internal abstract record BootContact
{
    private BootContact()
    {
    }

    /// <summary>The shim answers, and proved that it is the one that was launched.</summary>
    internal sealed record Made(SupervisedBoot Boot) : BootContact;

    /// <summary>No process of the boot lives.</summary>
    internal sealed record Ended : BootContact;

    /// <summary>The boot belongs to another state directory, of which this one is a copy.</summary>
    /// <param name="Reason">For a person.</param>
    internal sealed record Foreign(string Reason) : BootContact;

    /// <summary>Something of the boot may live, and its shim cannot be reached.</summary>
    /// <param name="Reason">For a person.</param>
    internal sealed record Unreachable(string Reason) : BootContact;

    /// <summary>This host cannot open the boot's files now: no descriptor is left, or the disk fails. Nothing is proved.</summary>
    /// <param name="Reason">For a person.</param>
    internal sealed record Unexamined(string Reason) : BootContact;
}
