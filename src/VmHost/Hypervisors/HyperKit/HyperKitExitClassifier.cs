using VmHost.Hypervisors.Bhyve;

namespace VmHost.Hypervisors.HyperKit;

/// <summary>
/// HyperKit has other exit codes than xhyve, of which it was made (<c>hyperkit.c:vmexit_suspend</c>, since 2017-03): 0
/// for a power-off and a halt alike, 2 for a reset.
/// </summary>
internal static class HyperKitExitClassifier
{
    private const string Name = "HyperKit";

    internal static ExitVerdict Classify(ExitEvidence evidence) =>
        evidence switch
        {
            { Signal: { } signal } => BhyveExits.BySignal(Name, signal, evidence),
            { Code: 0 } when GuestWords.SaysHalted(evidence.ConsoleTail) =>
                new(ExitReason.Halt, "the guest halted its processors, as it said on its console (HyperKit exited with code 0)"),
            { Code: 0 } => new(ExitReason.PowerOff, "the guest powered off (HyperKit exited with code 0)"),
            { Code: 2 } => GuestWords.ResetOrPanic(evidence, "HyperKit exited with code 2, as it does when the guest resets"),
            { Code: { } code } => BhyveExits.ByOtherCode(Name, code, evidence),
            _ => new(ExitReason.Unknown, "nobody could collect HyperKit's exit code"),
        };
}
