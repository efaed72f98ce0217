using System.Collections.Immutable;
using VmHost.Specs;
using VmHost.State;

namespace VmHost.Machines.Life;

/// <summary>
/// Begins to end a boot, and takes the steps: press the power button, press it again while nothing happens, type a line on the console if
/// the caller gave one, kill. Each step is tried whatever became of the one before.
/// </summary>
internal static class StopRules
{
    internal const string GuestHaltedDetail = "the guest halted its processors; QEMU, which would stay, is ended";

    // By then a guest that knows the button has seen it.
    private const int PressesBeforeLine = 2;

    // A guest that has not loaded its button driver yet does not see a press, and does not report that.
    internal static readonly TimeSpan PressAgain = TimeSpan.FromSeconds(2);

    // From SIGKILL to the shim's last frame: the kernel frees the guest's memory, the shim writes the record.
    internal static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(30);

    /// <summary>Begins to halt the guest.</summary>
    /// <param name="step">The step.</param>
    /// <param name="boot">The boot.</param>
    /// <param name="start">The start that did not get so far; null for none.</param>
    /// <param name="request">The request.</param>
    /// <param name="resumeFirst">A guest whose processors stand still sees no power button.</param>
    internal static void Halt(StepBuilder step, LiveBoot boot, PendingStart? start, MachineEvent.HaltRequested request, bool resumeFirst)
    {
        step.SetTimer(TimerKind.HaltDeadline, request.Options.Grace, request.Id);
        Begin(step, boot, WaitersOf(start).Add(WaiterOf(request)), Merge(null, request, step.Moment.Now), resumeFirst, start);
    }

    /// <summary>Begins to kill the hypervisor on request.</summary>
    internal static void Kill(StepBuilder step, LiveBoot boot, PendingStart? start, long request, bool thenStart = false) =>
        Begin(step, boot, WaitersOf(start).Add(new(request, WaiterKind.Kill, thenStart)), new(Kill: true, step.Moment.Now, null), resumeFirst: false, start);

    /// <summary>Begins to halt the guest of a machine that is to be started again.</summary>
    internal static void Restart(StepBuilder step, LiveBoot boot, MachineEvent.RestartRequested request, bool resumeFirst)
    {
        var halt = new MachineEvent.HaltRequested(request.Id, request.Options);
        step.SetTimer(TimerKind.HaltDeadline, request.Options.Grace, request.Id);
        Begin(step, boot, [WaiterOf(halt) with { ThenStart = true }], Merge(null, halt, step.Moment.Now), resumeFirst);
    }

    /// <summary>
    /// The requests that wait for a boot's end, with one more. The last one decides whether the machine is started again: a start
    /// that was asked for before is refused, if the last one wants none.
    /// </summary>
    internal static ImmutableArray<Waiter> Join(StepBuilder step, ImmutableArray<Waiter> waiters, Waiter last)
    {
        if (last.ThenStart)
            return waiters.Add(last);

        foreach (var overruled in waiters.Where(static waiter => waiter.ThenStart))
        {
            step.CancelTimer(TimerKind.HaltDeadline, overruled.Id);
            step.Refuse(overruled.Id, VmHostError.Aborted, $"machine {step.Name} was to be restarted, and another request stops it");
        }

        return waiters.RemoveAll(static waiter => waiter.ThenStart).Add(last);
    }

    /// <summary>Carries out a halt or kill whose timers run already.</summary>
    internal static void Begin(StepBuilder step, LiveBoot boot, ImmutableArray<Waiter> waiters, PendingStop stop, bool resumeFirst, PendingStart? start = null)
    {
        var phase = new MachinePhase.Stopping(boot, StopCause.Request, waiters, new(Line: stop.Line) { IsGraceOver = stop.IsGraceOver }, start);
        step.Become(phase);
        if (stop.Kill)
        {
            Kill(step, phase);
            return;
        }

        SaveIntent(step, phase, stop.Deadline);
        if (resumeFirst)
            step.Do(new MachineEffect.Control(boot, ControlAction.Resume));
        Press(step, phase);
    }

    /// <summary>Kills the hypervisor for a reason of VmHost's own.</summary>
    internal static void BeginKill(StepBuilder step, LiveBoot boot, StopCause cause, ImmutableArray<Waiter> waiters, string detail)
    {
        step.Become(new MachinePhase.Stopping(boot, cause, waiters, new(detail, Killing: true)));
        SendKill(step);
    }

    /// <summary>What a halt waits for.</summary>
    internal static Waiter WaiterOf(MachineEvent.HaltRequested halt) =>
        new(halt.Id, halt.Options.KillAfterwards ? WaiterKind.HaltThenKill : WaiterKind.HaltOnly);

    /// <summary>Whether a request wants the boot to end.</summary>
    internal static bool IsStop(Waiter waiter) => waiter.Kind is WaiterKind.HaltOnly or WaiterKind.HaltThenKill or WaiterKind.Kill;

    /// <summary>A halt together with what was asked for before.</summary>
    internal static PendingStop Merge(PendingStop? stop, MachineEvent.HaltRequested halt, DateTimeOffset now)
    {
        var deadline = now + halt.Options.Grace;
        return stop is null
            ? new(Kill: false, deadline, halt.Options.ConsoleLine)
            : stop with { Deadline = deadline < stop.Deadline ? deadline : stop.Deadline, Line = stop.Line ?? halt.Options.ConsoleLine };
    }

    /// <summary>The answer to a halt whose grace time is over and that is not to kill.</summary>
    internal static Refusal Overdue(StepBuilder step, string? problem) =>
        new(VmHostError.DeadlineExceeded, $"machine {step.Name} did not power off within the grace time and still runs{(problem is null ? "" : $" ({problem})")}; end it with: vmctl kill {step.Name}");

    internal static Refusal BeingStopped(StepBuilder step) =>
        new(VmHostError.FailedPrecondition, $"machine {step.Name} is being stopped; wait for it (vmctl wait {step.Name}) and start it then") { Reason = ErrorReason.MachineBusy };

    internal static void Press(StepBuilder step, MachinePhase.Stopping phase)
    {
        var presses = phase.Progress.Presses + 1;
        var line = presses >= PressesBeforeLine ? phase.Progress.Line : null;
        step.Become(phase with { Progress = phase.Progress with { Presses = presses, IsPressing = true, Line = line is null ? phase.Progress.Line : null } });
        step.Do(new MachineEffect.Control(phase.Boot, ControlAction.PressPowerButton));
        if (line is not null)
            step.Do(new MachineEffect.Control(phase.Boot, ControlAction.TypeLine, line));

        step.SetTimer(TimerKind.PressAgain, PressAgain);
    }

    internal static void Kill(StepBuilder step, MachinePhase.Stopping phase)
    {
        step.Become(phase with { Progress = phase.Progress with { Killing = true } });
        step.CancelTimer(TimerKind.PressAgain);
        SaveIntent(step, phase, step.Moment.Now, kill: true);
        SendKill(step);
    }

    private static ImmutableArray<Waiter> WaitersOf(PendingStart? start) => start?.Waiters ?? [];

    internal static void SendKill(StepBuilder step)
    {
        step.Do(new MachineEffect.Kill(step.Record.Boot!));
        step.SetTimer(TimerKind.KillLimit, KillLimit);
    }

    // The next daemon is to complete it, should this one not live to see the end.
    internal static void SaveIntent(StepBuilder step, MachinePhase.Stopping phase, DateTimeOffset deadline, bool kill = false)
    {
        var old = step.Record.Halt is { } halt && halt.Boot == phase.Boot.Number ? halt : null;
        var intent = new HaltIntent(
            phase.Boot.Number,
            old is not null && old.Deadline < deadline && old.KillAfterwards ? old.Deadline : deadline,
            kill || phase.Waiters.Any(static waiter => waiter.Kind is WaiterKind.HaltThenKill or WaiterKind.Kill) || old is { KillAfterwards: true },
            phase.Progress.Line,
            phase.Waiters.Any(static waiter => waiter.ThenStart));
        if (intent != old || !step.Record.StoppedByHand)
            step.Save(step.Record with { StoppedByHand = true, Halt = intent });
    }
}
