using VmHost.Machines.Life;

namespace VmHost.Simulation;

/// <summary>A row of the table of a machine's life: a phase with an event. Timers and requests to the hypervisor count apart.</summary>
/// <param name="Phase">The type of the phase.</param>
/// <param name="Event">The type of the event, and what it is about.</param>
internal readonly record struct LifeRow(string Phase, string Event)
{
    internal static LifeRow Of(MachinePhase phase, MachineEvent happened) => new(phase.GetType().Name, NameOf(happened));

    public override string ToString() => $"{Phase} {Event}";

    private static string NameOf(MachineEvent happened) =>
        happened switch
        {
            MachineEvent.TimerDue due => Timers[(int)due.Timer.Kind],
            MachineEvent.ControlDone done => Done[(int)done.Action],
            MachineEvent.ControlFailed failed => Failed[(int)failed.Action],
            _ => happened.GetType().Name,
        };

    // Made once: rows are looked up at each step.
    private static readonly string[] Timers = NamesOf<TimerKind>(nameof(MachineEvent.TimerDue));
    private static readonly string[] Done = NamesOf<ControlAction>(nameof(MachineEvent.ControlDone));
    private static readonly string[] Failed = NamesOf<ControlAction>(nameof(MachineEvent.ControlFailed));

    private static string[] NamesOf<T>(string happened) where T : struct, Enum => [.. Enum.GetNames<T>().Select(name => $"{happened}.{name}")];
}
