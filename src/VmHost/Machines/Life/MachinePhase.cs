using System.Collections.Immutable;
using VmHost.Hypervisors;
using VmHost.State;

namespace VmHost.Machines.Life;

/// <summary>
/// What a machine is doing. Each phase carries the data that exists only then, so nothing in it can be stale. What must
/// survive the daemon is in <see cref="MachineRecord"/> instead.
/// </summary>
internal abstract record MachinePhase
{
    private MachinePhase()
    {
    }

    /// <summary>The state that clients see.</summary>
    internal abstract MachineState State { get; }

    /// <summary>The reason for the state, for a person; empty where the state says it all.</summary>
    internal virtual string Detail => "";

    /// <summary>The shim and hypervisor that run, where that is known.</summary>
    internal virtual LiveBoot? Live => null;

    /// <summary>The start whose guest has not shown yet that it runs; null for none.</summary>
    internal virtual PendingStart? Unconfirmed => null;

    /// <summary>Requests that are answered when something happens in this phase.</summary>
    internal virtual ImmutableArray<Waiter> Waiting => [];

    /// <summary>The record cannot be read. Only a forced deletion is possible.</summary>
    internal sealed record Unreadable(string Problem) : MachinePhase
    {
        internal override MachineState State => MachineState.Unknown;

        internal override string Detail => $"corrupt-record: {Problem}";
    }

    /// <summary>The daemon started and is finding out what the machine does.</summary>
    /// <param name="Held">Requests that came meanwhile, in their order; carried out once that is known.</param>
    internal sealed record Adopting(ImmutableArray<MachineEvent.Request> Held) : MachinePhase
    {
        internal override MachineState State => MachineState.Unknown;

        internal override string Detail => "being examined after the start of the daemon";
    }

    /// <summary>No boot has begun yet.</summary>
    internal sealed record Created : MachinePhase
    {
        internal override MachineState State => MachineState.Created;
    }

    /// <summary>The last boot ended and no other begins automatically.</summary>
    /// <param name="Expected">False for a failure.</param>
    /// <param name="Why">One sentence.</param>
    internal sealed record Ended(bool Expected, string Why) : MachinePhase
    {
        internal override MachineState State => Expected ? MachineState.Stopped : MachineState.Failed;

        internal override string Detail => Why;
    }

    /// <summary>Waits for the next start by the restart policy; when that is due is in the record.</summary>
    internal sealed record Backoff(string Why) : MachinePhase
    {
        internal override MachineState State => MachineState.Backoff;

        internal override string Detail => Why;
    }

    /// <summary>The command line of the next boot is planned and its resources are claimed. Nothing of it is on disk.</summary>
    /// <param name="From">The phase to return to if that fails; null for the reboot of a guest.</param>
    /// <param name="Start">What is being started, and for which requests.</param>
    internal sealed record Preparing(MachinePhase? From, PendingStart Start) : MachinePhase
    {
        internal override MachineState State => From?.State ?? MachineState.Starting;

        internal override string Detail => From?.Detail ?? "";

        internal override ImmutableArray<Waiter> Waiting => Start.Waiters;
    }

    /// <summary>The boot is being written down and the shim started, which reports when the hypervisor runs.</summary>
    /// <param name="Before">The record before the boot, for a launch that never began.</param>
    /// <param name="Start">What is being started, and for which requests.</param>
    internal sealed record Launching(MachineRecord Before, PendingStart Start) : MachinePhase
    {
        internal override MachineState State => MachineState.Starting;

        internal override ImmutableArray<Waiter> Waiting => Start.Waiters;
    }

    /// <summary>The shim reported; now the daemon connects to it.</summary>
    /// <param name="Start">What is being started, and for which requests.</param>
    /// <param name="Error">The shim's reason why the hypervisor does not run; null when it runs.</param>
    internal sealed record Connecting(PendingStart Start, string? Error) : MachinePhase
    {
        internal override MachineState State => MachineState.Starting;

        internal override PendingStart? Unconfirmed => Start;

        internal override ImmutableArray<Waiter> Waiting => Start.Waiters;
    }

    /// <summary>The hypervisor runs and has not shown yet that it got as far as running the guest.</summary>
    /// <param name="Boot">The boot.</param>
    /// <param name="Start">What is being started, and for which requests.</param>
    internal sealed record Confirming(LiveBoot Boot, PendingStart Start) : MachinePhase
    {
        internal override MachineState State => MachineState.Starting;

        internal override PendingStart? Unconfirmed => Start;

        internal override LiveBoot Live => Boot;

        internal override ImmutableArray<Waiter> Waiting => Start.Waiters;
    }

    /// <summary>The guest runs.</summary>
    /// <param name="Boot">The boot.</param>
    /// <param name="PausedBy">Requests whose pause is under way.</param>
    internal sealed record Running(LiveBoot Boot, ImmutableArray<Waiter> PausedBy) : MachinePhase
    {
        internal override MachineState State => MachineState.Running;

        internal override LiveBoot Live => Boot;

        internal override ImmutableArray<Waiter> Waiting => PausedBy;
    }

    /// <summary>The guest's processors stand still.</summary>
    /// <param name="Boot">The boot.</param>
    /// <param name="Cause">The reason.</param>
    /// <param name="ResumedBy">Requests whose resumption is under way.</param>
    /// <param name="Retry">How far the resumption after an I/O error got.</param>
    internal sealed record Paused(LiveBoot Boot, PauseCause Cause, ImmutableArray<Waiter> ResumedBy, ResumeRetry Retry = ResumeRetry.None) : MachinePhase
    {
        internal override MachineState State => MachineState.Paused;

        internal override string Detail => Cause.Describe();

        internal override LiveBoot Live => Boot;

        internal override ImmutableArray<Waiter> Waiting => ResumedBy;
    }

    /// <summary>The boot is to end and the hypervisor still runs.</summary>
    /// <param name="Boot">The boot.</param>
    /// <param name="Cause">The reason for the end.</param>
    /// <param name="Waiters">Halts, kills, and a start whose guest never ran.</param>
    /// <param name="Progress">How far the escalation got.</param>
    /// <param name="Start">The start whose guest has not shown yet that it runs; null for none.</param>
    internal sealed record Stopping(LiveBoot Boot, StopCause Cause, ImmutableArray<Waiter> Waiters, StopProgress Progress, PendingStart? Start = null) : MachinePhase
    {
        internal override MachineState State => MachineState.Stopping;

        internal override PendingStart? Unconfirmed => Start;

        internal override string Detail => Progress.Detail;

        internal override LiveBoot Live => Boot;

        internal override ImmutableArray<Waiter> Waiting => Waiters;
    }

    /// <summary>A process of the machine may run and cannot be reached. It is examined again every few seconds.</summary>
    /// <param name="Reason">The reason, for a person.</param>
    /// <param name="LastKnown">The boot as it was known last; null when it never was.</param>
    /// <param name="EndedBy">The reason for which VmHost was ending the boot; null when it was not.</param>
    /// <param name="Waiters">Kills.</param>
    /// <param name="Start">The start whose guest had not shown that it runs; null for none.</param>
    /// <param name="ResultsCount">False until the next examination begins: an earlier one may not have seen what the loop failed at.</param>
    internal sealed record Unknown(string Reason, LiveBoot? LastKnown, StopCause? EndedBy, ImmutableArray<Waiter> Waiters, PendingStart? Start = null, bool ResultsCount = true) : MachinePhase
    {
        internal override MachineState State => MachineState.Unknown;

        internal override PendingStart? Unconfirmed => Start;

        internal override string Detail => Reason;

        internal override LiveBoot? Live => LastKnown;

        internal override ImmutableArray<Waiter> Waiting => Waiters;
    }

    /// <summary>The files are being deleted.</summary>
    /// <param name="From">The phase to return to if that fails.</param>
    /// <param name="By">The request.</param>
    internal sealed record Deleting(MachinePhase From, Waiter By) : MachinePhase
    {
        internal override MachineState State => From.State;

        internal override string Detail => From.Detail;

        internal override ImmutableArray<Waiter> Waiting => [By];
    }

    /// <summary>The machine does not exist any more.</summary>
    /// <param name="Last">The state before.</param>
    internal sealed record Deleted(MachineState Last) : MachinePhase
    {
        internal override MachineState State => Last;
    }
}

/// <summary>A boot whose shim was reached.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Control">How its hypervisor is asked for things.</param>
/// <param name="ShimPid">Process id of the shim.</param>
/// <param name="HypervisorPid">Process id of the hypervisor.</param>
internal sealed record LiveBoot(int Number, ControlChannel Control, int ShimPid, int HypervisorPid);

/// <summary>A start that is under way.</summary>
/// <param name="Cause">The reason for it.</param>
/// <param name="Waiters">Requests that it, or the end that followed it, answers.</param>
/// <param name="Warnings">A sentence each, for the requests.</param>
/// <param name="Stop">A halt or kill that came meanwhile and is carried out as soon as possible; null for none.</param>
internal sealed record PendingStart(StartCause Cause, ImmutableArray<Waiter> Waiters, ImmutableArray<string> Warnings, PendingStop? Stop = null);

/// <summary>A halt or kill of a boot whose shim is not reached yet.</summary>
/// <param name="Kill">Kill the hypervisor at once.</param>
/// <param name="Deadline">The end of the grace time.</param>
/// <param name="Line">As in <see cref="StopProgress"/>.</param>
/// <param name="IsGraceOver">The kill is that of a halt whose grace time is over.</param>
internal sealed record PendingStop(bool Kill, DateTimeOffset Deadline, string? Line, bool IsGraceOver = false);

/// <summary>How far a resumption after an I/O error got.</summary>
internal enum ResumeRetry
{
    /// <summary>The guest was not resumed, or is being.</summary>
    None,

    /// <summary>The guest was resumed, and may stop again at once.</summary>
    Settling,

    /// <summary>The guest did not report to have stopped again; its status is being read.</summary>
    Settled,
}

/// <summary>The reason for a start.</summary>
internal enum StartCause
{
    /// <summary>A request.</summary>
    Request,

    /// <summary>The guest reset itself.</summary>
    Reboot,

    /// <summary>The restart policy, after an end or a boot of the host.</summary>
    Policy,
}

/// <summary>The reason for an end that VmHost brings about.</summary>
internal enum StopCause
{
    /// <summary>A request to halt or kill.</summary>
    Request,

    /// <summary>The guest halted its processors, and QEMU would stay.</summary>
    GuestHalted,

    /// <summary>The hypervisor never showed that the guest runs.</summary>
    StartTimedOut,
}

/// <summary>How far a stop got.</summary>
/// <param name="Detail">The last step, for a person.</param>
/// <param name="Presses">Presses of the power button so far.</param>
/// <param name="Line">Typed on the console after the second press; null for nothing, or when it was typed.</param>
/// <param name="Killing">SIGKILL was sent, or is about to be.</param>
/// <param name="ShimSilent">The shim did not answer, and is killed too.</param>
internal sealed record StopProgress(string Detail = "", int Presses = 0, string? Line = null, bool Killing = false, bool ShimSilent = false)
{
    /// <summary>A press is under way.</summary>
    internal bool IsPressing { get; init; }

    /// <summary>Halts whose grace time ended during a press; that is over first.</summary>
    internal ImmutableArray<long> Overdue { get; init; } = [];

    /// <summary>The kill is that of a halt whose grace time is over.</summary>
    internal bool IsGraceOver { get; init; }
}

/// <summary>The reason why a guest's processors stand still.</summary>
internal abstract record PauseCause
{
    private PauseCause()
    {
    }

    internal abstract string Describe();

    /// <summary>A request.</summary>
    internal sealed record Requested : PauseCause
    {
        internal override string Describe() => "";
    }

    /// <summary>The hypervisor stopped the guest at an I/O error.</summary>
    /// <param name="Device">The disk, as VmHost names it on the command line.</param>
    /// <param name="Text">The error.</param>
    internal sealed record IoError(string Device, string Text) : PauseCause
    {
        internal override string Describe() => $"paused: I/O error on {Device} ({Text})";
    }

    /// <summary>Something other than VmHost asked the hypervisor.</summary>
    internal sealed record External : PauseCause
    {
        internal override string Describe() => "paused: the hypervisor was asked to stop the guest by another program";
    }
}

/// <summary>A request that is answered later.</summary>
/// <param name="Id">The request's.</param>
/// <param name="Kind">What it waits for.</param>
internal sealed record Waiter(long Id, WaiterKind Kind);

/// <summary>What a request waits for.</summary>
internal enum WaiterKind
{
    /// <summary>The guest runs.</summary>
    Start,

    /// <summary>The boot ends; its hypervisor is killed after the grace time.</summary>
    HaltThenKill,

    /// <summary>The boot ends within the grace time.</summary>
    HaltOnly,

    /// <summary>The boot ends.</summary>
    Kill,

    /// <summary>The guest's processors stand still.</summary>
    Pause,

    /// <summary>The guest's processors run.</summary>
    Resume,

    /// <summary>The files are gone.</summary>
    Delete,
}
