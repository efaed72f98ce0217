using System.Collections.Immutable;
using VmHost.Hypervisors;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines.Life;

/// <summary>Everything that can happen to a machine.</summary>
internal abstract record MachineEvent
{
    private MachineEvent()
    {
    }

    /// <summary>A request. It is answered exactly once, by <see cref="MachineEffect.Answer"/>.</summary>
    /// <param name="Id">Unique while the daemon lives.</param>
    internal abstract record Request(long Id) : MachineEvent;

    /// <summary>Start the machine.</summary>
    /// <param name="Id">Unique while the daemon lives.</param>
    /// <param name="WithHost">The host has booted; a failure is handled by the restart policy.</param>
    internal sealed record StartRequested(long Id, bool WithHost = false) : Request(Id);

    /// <summary>Halt the guest.</summary>
    internal sealed record HaltRequested(long Id, HaltOptions Options) : Request(Id);

    /// <summary>Kill the hypervisor.</summary>
    internal sealed record KillRequested(long Id) : Request(Id);

    /// <summary>Halt the guest, then start the machine again.</summary>
    internal sealed record RestartRequested(long Id, HaltOptions Options) : Request(Id);

    /// <summary>Kill the hypervisor, then start the machine again.</summary>
    internal sealed record ResetRequested(long Id) : Request(Id);

    /// <summary>Stop the guest's processors.</summary>
    internal sealed record PauseRequested(long Id) : Request(Id);

    /// <summary>Let the guest's processors run.</summary>
    internal sealed record ResumeRequested(long Id) : Request(Id);

    /// <summary>Change what may change while the machine exists.</summary>
    /// <param name="Id">Unique while the daemon lives.</param>
    /// <param name="Change">The change.</param>
    /// <param name="Revision">The revision that the caller saw; null for any.</param>
    internal sealed record UpdateRequested(long Id, MachineChange Change, long? Revision = null) : Request(Id);

    /// <summary>Delete the machine's files.</summary>
    /// <param name="Id">Unique while the daemon lives.</param>
    /// <param name="EvenUnknown">Also when its state is unknown, if no process of it lives.</param>
    internal sealed record DeleteRequested(long Id, bool EvenUnknown) : Request(Id);

    /// <summary>The daemon has started: find out what the machine does.</summary>
    internal sealed record DaemonStarted : MachineEvent;

    /// <summary>The loop failed at an event: find out what the machine does.</summary>
    /// <param name="Reason">For a person.</param>
    internal sealed record LoopFailed(string Reason) : MachineEvent;

    /// <summary>A timer expired.</summary>
    internal sealed record TimerDue(TimerName Timer) : MachineEvent;

    /// <summary>The next boot is planned, and its resources are claimed.</summary>
    /// <param name="Boot">What goes into the record.</param>
    /// <param name="Plan">What is launched.</param>
    internal sealed record Prepared(BootRecord Boot, LaunchPlan Plan) : MachineEvent;

    /// <summary>The next boot cannot begin. Nothing is claimed.</summary>
    internal sealed record PreparationFailed(Refusal Refusal) : MachineEvent;

    /// <summary>The record could be saved with a new restart policy.</summary>
    /// <param name="Id">The request's.</param>
    /// <param name="Saved">What is on disk.</param>
    internal sealed record UpdateSaved(long Id, MachineRecord Saved) : MachineEvent;

    /// <summary>The record could not be saved with a new restart policy.</summary>
    internal sealed record UpdateFailed(long Id, string Problem) : MachineEvent;

    /// <summary>The machine's files are deleted.</summary>
    internal sealed record FilesDeleted : MachineEvent;

    /// <summary>The machine's files are not, or not all, deleted.</summary>
    internal sealed record DeletionFailed(Refusal Refusal) : MachineEvent;

    /// <summary>Something that belongs to one boot. In every other boot it is ignored.</summary>
    /// <param name="Boot">The boot's number.</param>
    internal abstract record OfBoot(int Boot) : MachineEvent;

    /// <summary>The shim was started and reported.</summary>
    /// <param name="Boot">The boot's number.</param>
    /// <param name="Error">Why the hypervisor does not run; null when it does.</param>
    /// <param name="Warning">What is not durable yet, for the caller; null when all is.</param>
    internal sealed record Launched(int Boot, string? Error, string? Warning) : OfBoot(Boot);

    /// <summary>The boot did not begin, and its record was not saved.</summary>
    internal sealed record LaunchFailed(int Boot, Refusal Refusal) : OfBoot(Boot);

    /// <summary>The boot's shim answers.</summary>
    /// <param name="Boot">The boot's number.</param>
    /// <param name="Live">The processes.</param>
    /// <param name="Status">What the hypervisor says of its guest; null where it was not or cannot be asked.</param>
    internal sealed record BootFound(int Boot, LiveBoot Live, GuestStatus? Status) : OfBoot(Boot);

    /// <summary>Nothing of the boot lives any more.</summary>
    internal sealed record BootEnded(int Boot, ExitSummary Exit) : OfBoot(Boot);

    /// <summary>A process of the boot may live, and its shim cannot be reached.</summary>
    /// <param name="Boot">The boot's number.</param>
    /// <param name="Reason">For a person.</param>
    internal sealed record BootSilent(int Boot, string Reason) : OfBoot(Boot);

    /// <summary>The connection to the shim closed.</summary>
    internal sealed record ContactLost(int Boot) : OfBoot(Boot);

    /// <summary>The hypervisor got as far as running the guest.</summary>
    internal sealed record GuestReady(int Boot) : OfBoot(Boot);

    /// <summary>The guest halted all its processors with interrupts off: it can never run again.</summary>
    internal sealed record GuestHalted(int Boot) : OfBoot(Boot);

    /// <summary>The hypervisor's monitor reported a change of the guest's run state, whichever.</summary>
    internal sealed record MonitorChanged(int Boot) : OfBoot(Boot);

    /// <summary>What the hypervisor says of its guest now.</summary>
    internal sealed record StatusRead(int Boot, GuestStatus Status) : OfBoot(Boot);

    /// <summary>The hypervisor did not say how its guest is.</summary>
    internal sealed record StatusUnread(int Boot, string Problem) : OfBoot(Boot);

    /// <summary>The hypervisor did what it was asked.</summary>
    internal sealed record ControlDone(int Boot, ControlAction Action) : OfBoot(Boot);

    /// <summary>The hypervisor did not do what it was asked, or could not be asked.</summary>
    internal sealed record ControlFailed(int Boot, ControlAction Action, string Problem) : OfBoot(Boot);

    /// <summary>The hypervisor was sent SIGKILL.</summary>
    /// <param name="Boot">The boot's number.</param>
    /// <param name="ShimAnswers">False where the shim did not answer, and the process was proved by number and start time.</param>
    internal sealed record KillSent(int Boot, bool ShimAnswers) : OfBoot(Boot);

    /// <summary>No process could be proved to be the machine's.</summary>
    internal sealed record KillFailed(int Boot, string Problem) : OfBoot(Boot);

    /// <summary>Digests of the files that the boot uses.</summary>
    internal sealed record DigestsComputed(int Boot, ImmutableArray<ImageDigest> Digests) : OfBoot(Boot);
}

/// <summary>What a hypervisor is asked for.</summary>
internal enum ControlAction
{
    /// <summary>Press the power button.</summary>
    PressPowerButton,

    /// <summary>Type the halt's line on the console.</summary>
    TypeLine,

    /// <summary>Stop the guest's processors.</summary>
    Pause,

    /// <summary>Let the guest's processors run.</summary>
    Resume,
}

/// <summary>What a hypervisor says of its guest.</summary>
internal abstract record GuestStatus
{
    private GuestStatus()
    {
    }

    /// <summary>Its processors run.</summary>
    internal sealed record Runs : GuestStatus;

    /// <summary>Its processors stand still, and no I/O error is known.</summary>
    /// <param name="RunState">The hypervisor's word for it, for example paused, internal-error or suspended.</param>
    internal sealed record StandsStill(string RunState = "paused") : GuestStatus;

    /// <summary>Its processors stand still, as an access to a disk failed.</summary>
    /// <param name="Device">As in <see cref="PauseCause.IoError"/>.</param>
    /// <param name="Text">The error.</param>
    internal sealed record IoError(string Device, string Text) : GuestStatus;
}

/// <summary>Why a request is not carried out.</summary>
/// <param name="Error">What the caller can do about it.</param>
/// <param name="Message">One line for a person.</param>
/// <param name="Faults">The fields that are at fault.</param>
internal sealed record Refusal(VmHostError Error, string Message, ImmutableArray<SpecFault> Faults)
{
    internal Refusal(VmHostError error, string message)
        : this(error, message, [])
    {
    }

    /// <summary>Why, for programs.</summary>
    internal ErrorReason Reason { get; init; }

    /// <summary>As in <see cref="VmHostException"/>.</summary>
    internal ImmutableSortedDictionary<string, string> Metadata { get; init; } = ErrorMetadata.None;

    internal static Refusal From(VmHostException e) => new(e.Error, e.Message, e.Faults) { Reason = e.Reason, Metadata = e.Metadata };

    internal VmHostException ToException() => new(Error, Message, Faults) { Reason = Reason, Metadata = Metadata };
}
