using System.Collections.Immutable;
using VmHost.Specs;
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
    /// <param name="Pending">The pending spec, where the boot is to take it; null where it is the record's.</param>
    internal sealed record Preparing(MachinePhase? From, PendingStart Start, MachineSpec? Pending = null) : MachinePhase
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
