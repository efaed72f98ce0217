namespace VmHost.Supervision;

/// <summary>The steps of a halt.</summary>
public enum HaltStep
{
    /// <summary>None.</summary>
    None,

    /// <summary>The power button was pressed.</summary>
    ButtonPressed,

    /// <summary>The power button could not be pressed; the next step comes all the same.</summary>
    ButtonFailed,

    /// <summary>The line that the caller gave was typed on the console.</summary>
    LineTyped,

    /// <summary>The hypervisor was sent SIGKILL.</summary>
    Killed,

    /// <summary>The hypervisor is gone and its end is known.</summary>
    Reaped,

    /// <summary>The grace time is over, and the machine runs on as the caller wanted.</summary>
    GivenUp,
}
