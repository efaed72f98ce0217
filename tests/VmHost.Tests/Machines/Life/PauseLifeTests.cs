using VmHost.Hypervisors;
using VmHost.Machines;
using VmHost.Machines.Life;

namespace VmHost.Tests.Machines.Life;

/// <summary>Pauses, whoever made them, and what ends them.</summary>
public sealed class PauseLifeTests
{
    private static readonly GuestStatus NoSpace = new GuestStatus.IoError("disk0", "No space left on device");

    [Fact]
    public void A_guest_that_resets_while_it_is_paused_reboots()
    {
        var step = Paused().After(new MachineEvent.BootEnded(LifeSamples.Boot, LifeSamples.Exit(ExitReason.Reset)));

        Assert.IsType<MachinePhase.Preparing>(step.Life.Phase);
        Assert.Null(step.Life.Record!.PausedBoot);
        Assert.Contains(step.Effects, static effect => effect is MachineEffect.Prepare);
    }

    [Fact]
    public void A_guest_that_resets_while_a_pause_is_under_way_reboots_and_the_pause_is_refused()
    {
        var pausing = Running().After(new MachineEvent.PauseRequested(7)).Life;

        var step = pausing.After(new MachineEvent.BootEnded(LifeSamples.Boot, LifeSamples.Exit(ExitReason.Reset)));

        Assert.IsType<MachinePhase.Preparing>(step.Life.Phase);
        Assert.IsType<Outcome.Refused>(step.AnswerTo(7));
    }

    [Fact]
    public void A_guest_that_the_hypervisor_stops_at_an_io_error_is_shown_as_paused_with_the_error()
    {
        var reading = Running().After(new MachineEvent.MonitorChanged(LifeSamples.Boot));
        Assert.Contains(reading.Effects, static effect => effect is MachineEffect.ReadStatus);

        var step = reading.Life.After(new MachineEvent.StatusRead(LifeSamples.Boot, NoSpace));

        Assert.Equal(MachineState.Paused, step.Life.Phase.State);
        Assert.Equal("paused: I/O error on disk0 (No space left on device)", step.Life.Phase.Detail);
    }

    [Fact]
    public void A_resume_after_an_io_error_reports_that_the_guest_stopped_again()
    {
        var resumed = StoppedAtError()
            .After(new MachineEvent.ResumeRequested(7)).Life
            .After(new MachineEvent.ControlDone(LifeSamples.Boot, ControlAction.Resume));
        Assert.Null(resumed.AnswerTo(7));

        var step = resumed.Life.After(new MachineEvent.StatusRead(LifeSamples.Boot, NoSpace));

        var refused = Assert.IsType<Outcome.Refused>(step.AnswerTo(7));
        Assert.Contains("stopped again", refused.Refusal.Message, StringComparison.Ordinal);
        Assert.Equal(MachineState.Paused, step.Life.Phase.State);
    }

    [Fact]
    public void A_resume_after_an_io_error_is_answered_once_the_guest_has_run_for_a_while()
    {
        var step = StoppedAtError()
            .After(new MachineEvent.ResumeRequested(7)).Life
            .After(new MachineEvent.ControlDone(LifeSamples.Boot, ControlAction.Resume)).Life
            .After(new MachineEvent.TimerDue(new(TimerKind.ResumeSettled))).Life
            .After(new MachineEvent.StatusRead(LifeSamples.Boot, new GuestStatus.Runs()));

        Assert.Equal(new Outcome.Done(Changed: true), step.AnswerTo(7));
        Assert.Equal(MachineState.Running, step.Life.Phase.State);
    }

    [Fact]
    public void A_guest_that_another_program_stops_and_continues_is_shown_so()
    {
        var stopped = Running().After(new MachineEvent.StatusRead(LifeSamples.Boot, new GuestStatus.StandsStill())).Life;
        Assert.Equal("paused: another program asked the hypervisor to stop the guest", stopped.Phase.Detail);

        Assert.Equal(MachineState.Running, stopped.After(new MachineEvent.StatusRead(LifeSamples.Boot, new GuestStatus.Runs())).Life.Phase.State);
    }

    // No other program is blamed for what QEMU did.
    [Theory]
    [InlineData("internal-error")]
    [InlineData("suspended")]
    public void A_guest_that_the_hypervisor_stops_for_another_reason_shows_its_word_for_it(string runState)
    {
        var stopped = Running().After(new MachineEvent.StatusRead(LifeSamples.Boot, new GuestStatus.StandsStill(runState))).Life;
        Assert.Equal((MachineState.Paused, $"paused: the hypervisor reports {runState}"), (stopped.Phase.State, stopped.Phase.Detail));
    }

    [Fact]
    public void An_error_under_a_requested_pause_is_shown()
    {
        var step = Paused().After(new MachineEvent.StatusRead(LifeSamples.Boot, NoSpace));

        Assert.Equal("paused: I/O error on disk0 (No space left on device)", step.Life.Phase.Detail);
    }

    private static MachineLife Running() => LifeSamples.Life(LifeSamples.Ran, new MachinePhase.Running(LifeSamples.Qemu, []));

    private static MachineLife Paused() =>
        LifeSamples.Life(LifeSamples.Ran with { PausedBoot = LifeSamples.Boot }, new MachinePhase.Paused(LifeSamples.Qemu, new PauseCause.Requested(), []));

    private static MachineLife StoppedAtError() => Running().After(new MachineEvent.StatusRead(LifeSamples.Boot, NoSpace)).Life;
}
