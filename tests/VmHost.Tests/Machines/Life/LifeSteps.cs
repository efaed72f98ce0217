using VmHost.Machines.Life;

namespace VmHost.Tests.Machines.Life;

/// <summary>Short forms for tests of the rules.</summary>
internal static class LifeSteps
{
    internal static Step After(this MachineLife life, MachineEvent happened) => life.Next(happened, new(LifeSamples.Now, 0));

    /// <summary>The answer to a request; null where the step gives none.</summary>
    internal static Outcome? AnswerTo(this Step step, long request) =>
        step.Effects.OfType<MachineEffect.Answer>().SingleOrDefault(answer => answer.RequestId == request)?.Outcome;
}
