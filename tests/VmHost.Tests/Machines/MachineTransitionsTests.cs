using VmHost.Machines;
using VmHost.Specs;

namespace VmHost.Tests.Machines;

public sealed class MachineTransitionsTests
{
    [Fact]
    public void Every_pair_leads_to_a_state_or_is_refused_and_no_event_moves_a_machine_at_rest_but_a_start()
    {
        foreach (var state in Enum.GetValues<MachineState>())
        {
            foreach (var happened in Enum.GetValues<MachineEvent>())
            {
                var next = Next(state, happened);
                if (MachineTransitions.IsAtRest(state))
                    Assert.Equal(FromRest(state, happened), next);
                else if (happened is MachineEvent.EndedWell or MachineEvent.EndedBadly)
                    Assert.True(MachineTransitions.IsAtRest(next!.Value));
            }
        }
    }

    [Theory]
    [InlineData(MachineState.Starting, MachineEvent.Started, MachineState.Running)]
    [InlineData(MachineState.Unknown, MachineEvent.Started, MachineState.Running)]
    [InlineData(MachineState.Running, MachineEvent.StopRequested, MachineState.Stopping)]
    [InlineData(MachineState.Stopping, MachineEvent.StopGivenUp, MachineState.Running)]
    [InlineData(MachineState.Running, MachineEvent.SightLost, MachineState.Unknown)]
    [InlineData(MachineState.Stopping, MachineEvent.EndedWell, MachineState.Stopped)]
    [InlineData(MachineState.Starting, MachineEvent.EndedBadly, MachineState.Failed)]
    [InlineData(MachineState.Running, MachineEvent.Paused, MachineState.Paused)]
    [InlineData(MachineState.Paused, MachineEvent.Resumed, MachineState.Running)]
    [InlineData(MachineState.Paused, MachineEvent.EndedWell, MachineState.Stopped)]
    [InlineData(MachineState.Running, MachineEvent.Rebooted, MachineState.Starting)]
    [InlineData(MachineState.Running, MachineEvent.RestartScheduled, MachineState.Backoff)]
    [InlineData(MachineState.Backoff, MachineEvent.StartRequested, MachineState.Starting)]
    [InlineData(MachineState.Backoff, MachineEvent.EndedBadly, MachineState.Failed)]
    [InlineData(MachineState.Stopping, MachineEvent.RestartScheduled, null)]
    [InlineData(MachineState.Paused, MachineEvent.Rebooted, null)]
    [InlineData(MachineState.Stopping, MachineEvent.Rebooted, null)]
    public void A_life_goes_on_like_this(MachineState state, MachineEvent happened, MachineState? next) =>
        Assert.Equal(next, Next(state, happened));

    // Somebody's start, or the host's.
    private static MachineState? FromRest(MachineState state, MachineEvent happened) =>
        happened switch
        {
            MachineEvent.StartRequested => MachineState.Starting,
            MachineEvent.RestartScheduled when state != MachineState.Created => MachineState.Backoff,
            _ => null,
        };

    private static MachineState? Next(MachineState state, MachineEvent happened)
    {
        try
        {
            return MachineTransitions.Next(state, happened);
        }
        catch (VmHostException e) when (e.Error == VmHostError.FailedPrecondition)
        {
            return null;
        }
    }
}
