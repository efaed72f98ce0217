using VmHost.Machines.Events;
using VmHost.Machines.Life;

namespace VmHost.Simulation.Checks;

/// <summary>What one step of the rules must do: the steps of a halt are reported as they are taken.</summary>
internal static class StepChecks
{
    internal static void Check(MachineLife life, MachineEvent happened, Step step)
    {
        if (life.Phase is not MachinePhase.Stopping || (happened as MachineEvent.OfBoot)?.Boot != life.Record!.Boot!.Number)
            return;

        var isReported = happened is MachineEvent.ControlDone { Action: ControlAction.PressPowerButton or ControlAction.TypeLine }
            or MachineEvent.ControlFailed { Action: not ControlAction.Pause };
        if (isReported && !step.Effects.Any(static effect => effect is MachineEffect.Publish { Event.Kind: HostEventKind.MachineHalting }))
            throw new ViolationException($"a step of a halt is not reported: {happened}");
        if (happened is MachineEvent.KillFailed failed && step.Life.Phase.Detail != failed.Problem)
            throw new ViolationException($"it is not shown why a kill failed: {failed.Problem}");
    }
}
