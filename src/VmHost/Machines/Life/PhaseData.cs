using System.Collections.Immutable;
using VmHost.Hypervisors;

namespace VmHost.Machines.Life;

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

    /// <summary>As clients see it.</summary>
    internal abstract PauseSummary Summary { get; }

    /// <summary>A request.</summary>
    internal sealed record Requested : PauseCause
    {
        internal override PauseSummary Summary => new(PauseKind.Requested);

        internal override string Describe() => "";
    }

    /// <summary>The hypervisor stopped the guest at an I/O error.</summary>
    /// <param name="Device">The disk, as VmHost names it on the command line.</param>
    /// <param name="Text">The error.</param>
    internal sealed record IoError(string Device, string Text) : PauseCause
    {
        internal override PauseSummary Summary => new(PauseKind.IoError, Device, Text);

        internal override string Describe() => $"paused: I/O error on {Device} ({Text})";
    }

    /// <summary>The hypervisor stopped the guest for another reason, or another program asked it to.</summary>
    /// <param name="RunState">The hypervisor's word for the state; paused where it was asked to stop the guest.</param>
    internal sealed record External(string RunState = External.AskedFor) : PauseCause
    {
        private const string AskedFor = "paused";

        internal override PauseSummary Summary => RunState == AskedFor ? new(PauseKind.External) : new(PauseKind.Hypervisor, Text: RunState);

        internal override string Describe() =>
            RunState == AskedFor ? "paused: another program asked the hypervisor to stop the guest" : $"paused: the hypervisor reports {RunState}";
    }
}

/// <summary>A request that is answered later.</summary>
/// <param name="Id">The request's.</param>
/// <param name="Kind">What it waits for.</param>
/// <param name="ThenStart">Of a halt or kill: the machine is started again after the boot's end, and the request waits for that too.</param>
internal sealed record Waiter(long Id, WaiterKind Kind, bool ThenStart = false);

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
