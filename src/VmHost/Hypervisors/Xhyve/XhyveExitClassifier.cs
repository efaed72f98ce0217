using System.Globalization;
using VmHost.Hypervisors.Bhyve;

namespace VmHost.Hypervisors.Xhyve;

/// <summary>
/// xhyve exits with 1 when the guest powered off, and with 1 when it could not start: what was seen besides decides
/// (<c>xhyve.c:vmexit_suspend</c> in its sources).
/// </summary>
internal static class XhyveExitClassifier
{
    private const string Name = "xhyve";

    // A guest that says nothing (no console=) boots and powers off in no less; a start that fails takes far less.
    private static readonly TimeSpan LongEnoughToBoot = TimeSpan.FromSeconds(2);

    internal static ExitVerdict Classify(ExitEvidence evidence) =>
        evidence switch
        {
            { Signal: { } signal } => BhyveExits.BySignal(Name, signal, evidence),
            { Code: 0 } => GuestWords.ResetOrPanic(evidence, "xhyve exited with code 0, as it does when the guest resets"),
            { Code: 1 } => PowerOffOrFailure(evidence),
            { Code: 2 } => new(ExitReason.Halt, "the guest halted its processors (xhyve exited with code 2)"),
            { Code: { } code } => BhyveExits.ByOtherCode(Name, code, evidence),
            _ => new(ExitReason.Unknown, "nobody could collect xhyve's exit code"),
        };

    private static ExitVerdict PowerOffOrFailure(ExitEvidence evidence)
    {
        if (BhyveExits.RunTimeFailure(evidence.HypervisorLog) is { } failure)
            return new(ExitReason.HypervisorError, $"xhyve exited with code 1 and said: {failure}");
        if (evidence.WroteConsole)
            return new(ExitReason.PowerOff, "the guest powered off (xhyve exited with code 1, and the guest had written to its console)");
        if (BhyveExits.LastWord(evidence.HypervisorLog) is { } word)
            return new(ExitReason.StartFailed, $"xhyve exited with code 1 before the guest wrote anything, and said: {word}");

        var seconds = evidence.RanFor.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);
        return evidence.RanFor >= LongEnoughToBoot
            ? new(ExitReason.PowerOff, $"the guest powered off, probably: xhyve exited with code 1 after {seconds} s without an error; the guest wrote nothing")
            : new(ExitReason.StartFailed, $"xhyve exited with code 1 after {seconds} s, before the guest wrote anything, without a word");
    }
}
