using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Specs;

namespace VmHost.Tests.Machines.Life;

/// <summary>A shim that is silent and answers again, and what a daemon's death interrupts: the one path of adoption.</summary>
public sealed class ContactLifeTests
{
    private static readonly MachineEvent.BootFound Found = new(LifeSamples.Boot, LifeSamples.Qemu, null);

    [Fact]
    public void A_silent_shim_that_answers_again_restores_the_pause()
    {
        var paused = LifeSamples.Life(LifeSamples.Ran with { PausedBoot = LifeSamples.Boot }, new MachinePhase.Paused(LifeSamples.Qemu, new PauseCause.Requested(), []));

        var silent = paused.After(new MachineEvent.BootSilent(LifeSamples.Boot, "silent")).Life;
        Assert.IsType<MachinePhase.Unknown>(silent.Phase);

        var restored = Assert.IsType<MachinePhase.Paused>(silent.After(Found with { Status = new GuestStatus.StandsStill() }).Life.Phase);
        Assert.IsType<PauseCause.Requested>(restored.Cause);
    }

    [Fact]
    public void A_guest_that_reset_while_its_shim_was_silent_reboots()
    {
        var silent = LifeSamples.Life(LifeSamples.Ran, new MachinePhase.Running(LifeSamples.Qemu, [])).After(new MachineEvent.BootSilent(LifeSamples.Boot, "silent")).Life;

        var step = silent.After(new MachineEvent.BootEnded(LifeSamples.Boot, LifeSamples.Exit(ExitReason.Reset)));

        Assert.IsType<MachinePhase.Preparing>(step.Life.Phase);
        Assert.True(step.Life.Record!.RebootPending);
    }

    [Fact]
    public void A_start_whose_shim_was_silent_for_a_while_is_still_confirmed()
    {
        var start = new PendingStart(StartCause.Policy, [], []);
        var silent = LifeSamples.Life(LifeSamples.Ran, new MachinePhase.Confirming(LifeSamples.Qemu, start)).After(new MachineEvent.BootSilent(LifeSamples.Boot, "silent")).Life;

        Assert.IsType<MachinePhase.Confirming>(silent.After(Found).Life.Phase);
    }

    [Fact]
    public void A_halt_that_the_daemons_death_cut_off_is_completed()
    {
        var adopting = LifeSamples.Life(LifeSamples.Halting, new MachinePhase.Adopting([]));

        var step = adopting.After(Found);

        Assert.IsType<MachinePhase.Stopping>(step.Life.Phase);
        Assert.Contains(step.Effects, static effect => effect is MachineEffect.Control { Action: ControlAction.PressPowerButton });
        Assert.Contains(step.Effects, static effect => effect is MachineEffect.SetTimer { Timer.Kind: TimerKind.HaltDeadline, After.TotalSeconds: 5 });
    }

    [Fact]
    public void A_kill_that_the_daemons_death_cut_off_is_sent_again()
    {
        var record = LifeSamples.Halting with { Halt = LifeSamples.Halting.Halt! with { Deadline = LifeSamples.Now } };

        var step = LifeSamples.Life(record, new MachinePhase.Adopting([])).After(Found);

        Assert.Contains(step.Effects, static effect => effect is MachineEffect.Kill);
    }

    [Fact]
    public void A_halt_that_is_given_up_after_the_daemons_death_leaves_no_mark_and_the_policy_applies_again()
    {
        var record = LifeSamples.Halting with
        {
            Restart = new(RestartMode.Always, 0),
            Halt = LifeSamples.Halting.Halt! with { KillAfterwards = false },
        };
        var given = LifeSamples.Life(record, new MachinePhase.Adopting([]))
            .After(Found).Life
            .After(new MachineEvent.ControlDone(LifeSamples.Boot, ControlAction.PressPowerButton)).Life
            .After(new MachineEvent.TimerDue(new(TimerKind.HaltDeadline)));

        Assert.IsType<MachinePhase.Running>(given.Life.Phase);
        Assert.False(given.Life.Record!.StoppedByHand);
        Assert.Null(given.Life.Record.Halt);
        Assert.IsType<MachinePhase.Backoff>(given.Life.After(new MachineEvent.BootEnded(LifeSamples.Boot, LifeSamples.Exit(ExitReason.Panic))).Life.Phase);
    }

    [Fact]
    public void A_reboot_that_the_daemons_death_cut_off_is_completed_and_its_end_is_not_reported_again()
    {
        var record = LifeSamples.Rested with { LastExit = LifeSamples.Exit(ExitReason.Reset), RebootPending = true };

        var step = LifeSamples.Life(record, new MachinePhase.Adopting([])).After(new MachineEvent.DaemonStarted());

        Assert.IsType<MachinePhase.Preparing>(step.Life.Phase);
        Assert.DoesNotContain(step.Effects, static effect => effect is MachineEffect.Publish { Event.Exit: not null });
    }

    [Fact]
    public void A_reboot_that_cannot_begin_leaves_the_recorded_end_as_it_was_and_shows_a_failure_also_to_the_next_daemon()
    {
        var rebooting = LifeSamples.Life(LifeSamples.Ran with { Restart = RestartPolicy.Never }, new MachinePhase.Running(LifeSamples.Qemu, []))
            .After(new MachineEvent.BootEnded(LifeSamples.Boot, LifeSamples.Exit(ExitReason.Reset))).Life;

        var failed = rebooting.After(new MachineEvent.PreparationFailed(new(VmHostError.FailedPrecondition, "no disk"))).Life;

        Assert.Equal(LifeSamples.Exit(ExitReason.Reset).Detail, failed.Record!.LastExit!.Detail);
        Assert.Equal(VmHost.Machines.MachineState.Failed, failed.Phase.State);
        var next = LifeSamples.Life(failed.Record, new MachinePhase.Adopting([])).After(new MachineEvent.DaemonStarted()).Life;
        Assert.Equal(failed.Phase, next.Phase);
    }

    [Fact]
    public void A_pause_that_failed_while_contact_was_lost_is_not_restored()
    {
        var pausing = LifeSamples.Life(LifeSamples.Ran with { PausedBoot = LifeSamples.Boot }, new MachinePhase.Running(LifeSamples.HyperKit, [new(7, WaiterKind.Pause)]));

        var found = pausing
            .After(new MachineEvent.BootSilent(LifeSamples.Boot, "silent")).Life
            .After(new MachineEvent.ControlFailed(LifeSamples.Boot, ControlAction.Pause, "closed")).Life
            .After(Found with { Live = LifeSamples.HyperKit });

        Assert.IsType<MachinePhase.Running>(found.Life.Phase);
    }

    [Fact]
    public void Contact_regained_reads_the_status_again()
    {
        var step = LifeSamples.Life(LifeSamples.Ran, new MachinePhase.Unknown("silent", LifeSamples.Qemu, null, []))
            .After(Found with { Status = new GuestStatus.Runs() });

        Assert.Contains(step.Effects, static effect => effect is MachineEffect.ReadStatus);
    }

    [Fact]
    public void A_guest_that_halts_while_the_button_is_pressed_leaves_no_overdue_halt_unanswered()
    {
        var pressing = LifeSamples.Life(LifeSamples.Ran, new MachinePhase.Running(LifeSamples.Qemu, []))
            .After(new MachineEvent.HaltRequested(7, new(TimeSpan.FromSeconds(1), KillAfterwards: false, null))).Life
            .After(new MachineEvent.TimerDue(new(TimerKind.HaltDeadline, 7))).Life;

        var step = pressing
            .After(new MachineEvent.GuestHalted(LifeSamples.Boot)).Life
            .After(new MachineEvent.ControlDone(LifeSamples.Boot, ControlAction.PressPowerButton));

        Assert.IsType<Outcome.Refused>(step.AnswerTo(7));
    }
}
