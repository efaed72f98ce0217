using Microsoft.Extensions.Logging.Abstractions;
using VmHost.Machines;
using VmHost.Machines.Life;
using VmHost.Specs;
using VmHost.Tests.Machines.Life;

namespace VmHost.Tests.Machines;

/// <summary>Bounds of the loop. What the rules and the loop do together is tested by the simulation.</summary>
public sealed class MachineLoopTests
{
    [Fact]
    public async Task Requests_that_the_rules_keep_are_bounded_too()
    {
        var loop = new MachineLoop(new("0123456789ab", LifeSamples.Ran, new MachinePhase.Adopting([]), []), new EndlessExamination(), TimeProvider.System, () => 0, NullLogger.Instance);
        var kept = new List<Task<Outcome>>();
        for (var i = 0; i < MachineLoop.MaxUnanswered; i++)
        {
            kept.Add(loop.AskAsync(id => new MachineEvent.KillRequested(id)));
            Assert.True(loop.TryStep());
        }

        var refused = Assert.IsType<Outcome.Refused>(await loop.AskAsync(id => new MachineEvent.KillRequested(id)));

        Assert.Equal(VmHostError.ResourceExhausted, refused.Refusal.Error);
        Assert.DoesNotContain(kept, answer => answer.IsCompleted);
        Assert.False(loop.TryStep());
    }

    // An examination may last as long as a shim is silent; here it never ends.
    private sealed class EndlessExamination : IMachineWorld
    {
        public void Begin(MachineEffect effect, MachineLoop loop)
        {
        }
    }
}
