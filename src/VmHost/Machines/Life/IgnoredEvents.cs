namespace VmHost.Machines.Life;

/// <summary>
/// Every pair of phase and event that changes nothing, with the reason. A pair that is neither here nor in the rules of its
/// phase is a defect: <see cref="StepBuilder.Ignore"/> reports it.
/// </summary>
internal static class IgnoredEvents
{
    private static readonly Type[] AllPhases =
    [
        typeof(MachinePhase.Unreadable), typeof(MachinePhase.Adopting), typeof(MachinePhase.Created), typeof(MachinePhase.Ended),
        typeof(MachinePhase.Backoff), typeof(MachinePhase.Preparing), typeof(MachinePhase.Launching), typeof(MachinePhase.Connecting),
        typeof(MachinePhase.Confirming), typeof(MachinePhase.Running), typeof(MachinePhase.Paused), typeof(MachinePhase.Stopping),
        typeof(MachinePhase.Unknown), typeof(MachinePhase.Deleting), typeof(MachinePhase.Deleted),
    ];

    // In these nothing of a boot is awaited.
    private static readonly Type[] NoBoot =
    [
        typeof(MachinePhase.Unreadable), typeof(MachinePhase.Created), typeof(MachinePhase.Ended), typeof(MachinePhase.Backoff),
        typeof(MachinePhase.Preparing), typeof(MachinePhase.Launching), typeof(MachinePhase.Deleting), typeof(MachinePhase.Deleted),
    ];

    private static readonly Type[] NotReached = [.. NoBoot, typeof(MachinePhase.Adopting), typeof(MachinePhase.Connecting), typeof(MachinePhase.Unknown)];

    private static readonly Dictionary<(Type Phase, Type Event), string> Reasons = Build();

    /// <summary>Why the event changes nothing in the phase; null where it does.</summary>
    internal static string? ReasonFor(MachinePhase phase, MachineEvent happened) => Reasons.GetValueOrDefault((phase.GetType(), happened.GetType()));

    private static Dictionary<(Type Phase, Type Event), string> Build()
    {
        var reasons = new Dictionary<(Type, Type), string>();

        Add("only the first examination begins with it", AllBut(typeof(MachinePhase.Adopting)), typeof(MachineEvent.DaemonStarted));
        Add("nothing can be known of it, or it does not exist", [typeof(MachinePhase.Unreadable), typeof(MachinePhase.Deleted)], typeof(MachineEvent.LoopFailed));
        Add("the timer belongs to an earlier phase", AllPhases, typeof(MachineEvent.TimerDue));
        Add("the preparation belongs to an earlier phase", AllBut(typeof(MachinePhase.Preparing)), typeof(MachineEvent.Prepared), typeof(MachineEvent.PreparationFailed));
        Add("the launch belongs to an earlier phase, and an examination finds what it left", AllBut(typeof(MachinePhase.Launching)), typeof(MachineEvent.Launched), typeof(MachineEvent.LaunchFailed));
        Add("the boot is over, or is not examined yet", NoBoot, typeof(MachineEvent.BootFound), typeof(MachineEvent.BootEnded), typeof(MachineEvent.BootSilent));
        Add("the boot is over, or no connection was made", [.. NoBoot, typeof(MachinePhase.Adopting)], typeof(MachineEvent.ContactLost));
        Add("the guest is not awaited", AllBut(typeof(MachinePhase.Confirming)), typeof(MachineEvent.GuestReady));
        Add("the boot is over, or cannot be reached", NotReached, typeof(MachineEvent.GuestHalted));
        Add("the hypervisor is being killed already", [typeof(MachinePhase.Stopping)], typeof(MachineEvent.GuestHalted));
        Add("the status is read when the guest runs", [.. NotReached, typeof(MachinePhase.Confirming)], typeof(MachineEvent.MonitorChanged), typeof(MachineEvent.StatusRead), typeof(MachineEvent.StatusUnread));
        Add("a halt ends by its deadline, however the guest is", [typeof(MachinePhase.Stopping)], typeof(MachineEvent.MonitorChanged), typeof(MachineEvent.StatusRead), typeof(MachineEvent.StatusUnread));
        Add("it was asked for in an earlier phase", AllBut(typeof(MachinePhase.Stopping)), typeof(MachineEvent.ControlDone), typeof(MachineEvent.ControlFailed));
        Add("it was sent in an earlier phase, and the end of the boot follows", AllBut(typeof(MachinePhase.Unknown)), typeof(MachineEvent.KillSent));
        Add("it was sent in an earlier phase", AllBut(typeof(MachinePhase.Unknown), typeof(MachinePhase.Stopping)), typeof(MachineEvent.KillFailed));
        Add("the machine is as good as gone", [typeof(MachinePhase.Unreadable), typeof(MachinePhase.Deleting), typeof(MachinePhase.Deleted)], typeof(MachineEvent.DigestsComputed));
        Add("nothing is being deleted", AllBut(typeof(MachinePhase.Deleting)), typeof(MachineEvent.FilesDeleted), typeof(MachineEvent.DeletionFailed));
        Add("no change of its policy is under way", [typeof(MachinePhase.Unreadable), typeof(MachinePhase.Adopting), typeof(MachinePhase.Deleting), typeof(MachinePhase.Deleted)], typeof(MachineEvent.UpdateSaved), typeof(MachineEvent.UpdateFailed));
        return reasons;

        void Add(string reason, Type[] phases, params ReadOnlySpan<Type> events)
        {
            foreach (var happened in events)
            {
                foreach (var phase in phases)
                    reasons[(phase, happened)] = reason;
            }
        }
    }

    private static Type[] AllBut(params ReadOnlySpan<Type> phases)
    {
        var left = new List<Type>(AllPhases);
        foreach (var phase in phases)
            left.Remove(phase);

        return [.. left];
    }
}
