namespace VmHost.Specs;

/// <summary>What happens when a guest reboots.</summary>
public enum RebootAction
{
    /// <summary>The machine boots again, in the same console journal.</summary>
    Restart,

    /// <summary>The machine stops.</summary>
    Stop,
}
