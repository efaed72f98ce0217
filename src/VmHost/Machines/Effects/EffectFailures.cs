using VmHost.Machines.Life;
using VmHost.Specs;

namespace VmHost.Machines.Effects;

/// <summary>What a machine learns of an effect that failed in a way that its code did not expect: a defect of VmHost.</summary>
internal static class EffectFailures
{
    /// <summary>The result of the effect; null for one that has none.</summary>
    internal static MachineEvent? ResultOf(MachineEffect effect, Exception e) =>
        effect switch
        {
            MachineEffect.SaveUpdate update => new MachineEvent.UpdateFailed(update.RequestId, e.Message),
            MachineEffect.Prepare => new MachineEvent.PreparationFailed(Defect(e)),

            // Perhaps the shim was started: only an examination tells.
            MachineEffect.Launch launch => new MachineEvent.Launched(launch.Record.Boot!.Number, Error: null, Warning: null),
            MachineEffect.Examine examine => new MachineEvent.BootSilent(examine.Boot.Number, $"internal: {e.Message}"),
            MachineEffect.ReadStatus read => new MachineEvent.StatusUnread(read.Boot.Number, e.Message),
            MachineEffect.Control control => new MachineEvent.ControlFailed(control.Boot.Number, control.Action, e.Message),
            MachineEffect.Kill kill => new MachineEvent.KillFailed(kill.Boot.Number, e.Message),
            MachineEffect.KillBoth kill => new MachineEvent.KillFailed(kill.Boot.Number, e.Message),
            MachineEffect.DeleteFiles => new MachineEvent.DeletionFailed(Defect(e)),
            _ => null,
        };

    private static Refusal Defect(Exception e) => new(VmHostError.Internal, $"an internal error of vmhostd, which is in its log: {e.Message}");
}
