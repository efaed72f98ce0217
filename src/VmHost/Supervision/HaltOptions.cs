namespace VmHost.Supervision;

/// <summary>What a halt is to do.</summary>
/// <param name="Grace">How long the guest may take.</param>
/// <param name="KillAfterwards">Whether it is killed then.</param>
/// <param name="ConsoleLine">
/// Typed on the console, with a line break, once two presses of the power button were not answered: for guests that do not
/// know the button. Null for nothing.
/// </param>
public sealed record HaltOptions(TimeSpan Grace, bool KillAfterwards, string? ConsoleLine);
