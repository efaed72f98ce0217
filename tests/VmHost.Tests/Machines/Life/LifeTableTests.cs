using VmHost.Machines.Life;
using VmHost.TestKit;

namespace VmHost.Tests.Machines.Life;

/// <summary>
/// The whole table of a machine's life: each phase with each event. A new phase or event fails here until it has a sample, and
/// each change of a rule shows as a difference of golden/life.txt. The cancellation of timers is not listed.
/// </summary>
public sealed class LifeTableTests
{
    [Fact]
    public void Each_phase_with_each_event_has_the_listed_result() =>
        Golden.Matches("life.txt", from phase in LifeSamples.Phases() from happened in LifeSamples.Events() select Line(phase, happened));

    [Fact]
    public void Each_type_of_phase_and_event_is_in_the_table()
    {
        Assert.Empty(ConcreteTypes(typeof(MachinePhase)).Except(LifeSamples.Phases().Select(static sample => sample.Life.Phase.GetType())));
        Assert.Empty(ConcreteTypes(typeof(MachineEvent)).Except(LifeSamples.Events().Select(static sample => sample.Event.GetType())));
    }

    [Fact]
    public void A_request_is_answered_or_kept_in_every_phase()
    {
        foreach (var (label, life) in LifeSamples.Phases())
        {
            foreach (var (name, happened) in LifeSamples.Events())
            {
                if (happened is not MachineEvent.Request request)
                    continue;

                var step = life.Next(happened, new(LifeSamples.Now, 0));
                var answers = step.Effects.Count(effect => effect is MachineEffect.Answer answer && answer.RequestId == request.Id);
                Assert.True(answers == 1 || (answers == 0 && IsKept(step.Life, request)), $"{name} in {label}: {answers} answers");
            }
        }
    }

    private static bool IsKept(MachineLife life, MachineEvent.Request request) =>
        life.Phase.Waiting.Any(waiter => waiter.Id == request.Id)
        || life.Updates.Any(update => update.Id == request.Id)
        || (life.Phase is MachinePhase.Adopting adopting && adopting.Held.Contains(request));

    private static string Line((string Label, MachineLife Life) phase, (string Label, MachineEvent Event) happened)
    {
        var step = phase.Life.Next(happened.Event, new(LifeSamples.Now, 0));
        var effects = string.Join(", ", step.Effects.Select(Describe).Where(static text => text.Length > 0));
        var result = (step.Life == phase.Life, effects.Length) switch
        {
            (true, 0) when IgnoredEvents.ReasonFor(phase.Life.Phase, happened.Event) is { } reason => $"ignored: {reason}",
            (true, 0) => "no change",
            (_, 0) => step.Life.Phase.GetType().Name,
            _ => $"{step.Life.Phase.GetType().Name}: {effects}",
        };
        return $"{phase.Label} + {happened.Label} -> {result}";
    }

    private static string Describe(MachineEffect effect) =>
        effect switch
        {
            MachineEffect.Answer { RequestId: var id, Outcome: Outcome.Refused { Refusal.Error: var error } } => $"refuse {Who(id)} ({error})",
            MachineEffect.Answer { RequestId: var id, Outcome: Outcome.Done { Killed: true } } => $"answer {Who(id)} (killed)",
            MachineEffect.Answer { RequestId: var id, Outcome: Outcome.Done { Changed: var changed } } => $"answer {Who(id)} ({(changed ? "done" : "nothing to do")})",
            MachineEffect.Publish { Event: { Exit: not null, State: var state } } => $"publish {state} with the end",
            MachineEffect.Publish { Event: { Kind: VmHost.Machines.Events.HostEventKind.MachineState, State: var state } } => $"publish {state}",
            MachineEffect.Publish { Event: { Kind: VmHost.Machines.Events.HostEventKind.MachineHalting, Step: var step } } => $"publish {step}",
            MachineEffect.Publish { Event.Kind: var kind } => $"publish {kind}",
            MachineEffect.SetTimer { Timer.Kind: var kind } => $"timer {kind}",
            MachineEffect.CancelTimer => "",
            MachineEffect.Control { Action: var action } => action.ToString(),
            _ => effect.GetType().Name,
        };

    private static string Who(long request) => request == 1 ? "it" : "the waiting";

    private static IEnumerable<Type> ConcreteTypes(Type of) => of.GetNestedTypes(System.Reflection.BindingFlags.NonPublic).Where(type => !type.IsAbstract && type.IsSubclassOf(of));
}
