using System.Collections.Immutable;
using VmHost.Machines.Events;
using VmHost.State;

namespace VmHost.Machines.Life;

/// <summary>
/// Everything that a machine can ask of the world. Effects of a step begin in their order, and a save is over before the
/// effects behind it begin: intent first, act second, result third.
/// </summary>
internal abstract record MachineEffect
{
    private MachineEffect()
    {
    }

    /// <summary>Writes the record. A disk that refuses is logged and holds up nothing.</summary>
    internal sealed record Save(MachineRecord Record) : MachineEffect;

    /// <summary>Writes the record and flushes it. Result: <see cref="MachineEvent.UpdateSaved"/> or <see cref="MachineEvent.UpdateFailed"/>.</summary>
    internal sealed record SaveUpdate(long RequestId, MachineRecord Record) : MachineEffect;

    /// <summary>Answers a request.</summary>
    internal sealed record Answer(long RequestId, Outcome Outcome) : MachineEffect;

    /// <summary>Appends an event to the event log.</summary>
    internal sealed record Publish(HostEvent Event) : MachineEffect;

    /// <summary>Expires once. A timer of the same name is replaced. Result: <see cref="MachineEvent.TimerDue"/>.</summary>
    internal sealed record SetTimer(TimerName Timer, TimeSpan After) : MachineEffect;

    /// <summary>No timer of that name expires any more.</summary>
    internal sealed record CancelTimer(TimerName Timer) : MachineEffect;

    /// <summary>Plans the next boot and claims what it needs. Result: <see cref="MachineEvent.Prepared"/> or <see cref="MachineEvent.PreparationFailed"/>.</summary>
    internal sealed record Prepare(MachineRecord Record) : MachineEffect;

    /// <summary>Writes the boot down and starts its shim. Result: <see cref="MachineEvent.Launched"/> or <see cref="MachineEvent.LaunchFailed"/>.</summary>
    internal sealed record Launch(MachineRecord Record, Hypervisors.LaunchPlan Plan) : MachineEffect;

    /// <summary>
    /// Finds out what became of a boot: connects to its shim, or proves that nothing of it lives. Result:
    /// <see cref="MachineEvent.BootFound"/>, <see cref="MachineEvent.BootEnded"/> or <see cref="MachineEvent.BootSilent"/>.
    /// </summary>
    /// <param name="Boot">The boot.</param>
    /// <param name="AskGuest">Also ask the hypervisor how its guest is.</param>
    internal sealed record Examine(BootRecord Boot, bool AskGuest) : MachineEffect;

    /// <summary>Looks for the first sign of the guest. Result: <see cref="MachineEvent.GuestReady"/>, or nothing.</summary>
    internal sealed record WatchForReadiness(LiveBoot Boot) : MachineEffect;

    /// <summary>
    /// Watches the guest while it runs. Results: <see cref="MachineEvent.GuestHalted"/> and
    /// <see cref="MachineEvent.MonitorChanged"/>, as often as that happens.
    /// </summary>
    internal sealed record WatchGuest(LiveBoot Boot) : MachineEffect;

    /// <summary>Asks the hypervisor how its guest is. Result: <see cref="MachineEvent.StatusRead"/> or <see cref="MachineEvent.StatusUnread"/>.</summary>
    internal sealed record ReadStatus(LiveBoot Boot) : MachineEffect;

    /// <summary>Asks the hypervisor for something, after what it was asked before. Result: <see cref="MachineEvent.ControlDone"/> or <see cref="MachineEvent.ControlFailed"/>.</summary>
    /// <param name="Boot">The boot.</param>
    /// <param name="Action">What.</param>
    /// <param name="Line">With <see cref="ControlAction.TypeLine"/>.</param>
    internal sealed record Control(LiveBoot Boot, ControlAction Action, string? Line = null) : MachineEffect;

    /// <summary>Sends SIGKILL to the hypervisor. Result: <see cref="MachineEvent.KillSent"/> or <see cref="MachineEvent.KillFailed"/>.</summary>
    /// <param name="Boot">The boot.</param>
    internal sealed record Kill(BootRecord Boot) : MachineEffect;

    /// <summary>
    /// Sends SIGKILL to hypervisor and shim, each only if its number and start time prove it. Result:
    /// <see cref="MachineEvent.KillSent"/> or <see cref="MachineEvent.KillFailed"/>.
    /// </summary>
    internal sealed record KillBoth(BootRecord Boot) : MachineEffect;

    /// <summary>Frees what <see cref="Prepare"/> claimed.</summary>
    internal sealed record ReleaseClaims : MachineEffect;

    /// <summary>Claims for a machine that may run already, whatever others have.</summary>
    internal sealed record ClaimUnasked : MachineEffect;

    /// <summary>Lets the console's followers wait for more, or end.</summary>
    internal sealed record SetConsoleLive(bool Live) : MachineEffect;

    /// <summary>Removes records that a killed process was about to write.</summary>
    internal sealed record RemoveHalfWritten : MachineEffect;

    /// <summary>Computes digests of the boot's files. Result: <see cref="MachineEvent.DigestsComputed"/>, or nothing.</summary>
    internal sealed record ComputeDigests(int Boot) : MachineEffect;

    /// <summary>
    /// Deletes the machine's files if its lock is free. Result: <see cref="MachineEvent.FilesDeleted"/> or
    /// <see cref="MachineEvent.DeletionFailed"/>.
    /// </summary>
    internal sealed record DeleteFiles : MachineEffect;
}

/// <summary>The answer to a request.</summary>
internal abstract record Outcome
{
    private Outcome()
    {
    }

    /// <summary>It was carried out, or there was nothing to do.</summary>
    /// <param name="Changed">False when there was nothing to do.</param>
    internal sealed record Done(bool Changed) : Outcome
    {
        /// <summary>What is allowed and probably not meant, a sentence each.</summary>
        internal ImmutableArray<string> Warnings { get; init; } = [];

        /// <summary>Of a halt: the hypervisor was killed after the grace time.</summary>
        internal bool Killed { get; init; }
    }

    /// <summary>It was not carried out.</summary>
    internal sealed record Refused(Refusal Refusal) : Outcome;
}

/// <summary>A timer of a machine.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Request">The request that it belongs to; 0 for none.</param>
internal readonly record struct TimerName(TimerKind Kind, long Request = 0);

/// <summary>What timers are for.</summary>
internal enum TimerKind
{
    /// <summary>The next start by the restart policy.</summary>
    Restart,

    /// <summary>The guest should have shown a sign by then.</summary>
    StartLimit,

    /// <summary>The next press of the power button.</summary>
    PressAgain,

    /// <summary>The end of a halt's grace time.</summary>
    HaltDeadline,

    /// <summary>A killed hypervisor should be gone by then.</summary>
    KillLimit,

    /// <summary>The next attempt to reach a silent shim.</summary>
    ExamineAgain,

    /// <summary>The next attempt to read the guest's status.</summary>
    ReadStatusAgain,

    /// <summary>A guest that runs this long after an I/O error has got over it.</summary>
    ResumeSettled,
}
