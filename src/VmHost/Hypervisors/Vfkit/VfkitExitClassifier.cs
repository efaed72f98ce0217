using VmHost.Hypervisors.Bhyve;
using VmHost.Posix;

namespace VmHost.Hypervisors.Vfkit;

/// <summary>vfkit exits with 0 when the machine stopped and with 1 after an error; a guest's reset it handles itself.</summary>
internal static class VfkitExitClassifier
{
    internal static ExitVerdict Classify(ExitEvidence evidence)
    {
        var said = BhyveExits.LastWord(evidence.HypervisorLog) is { } word ? $" and said: {word}" : "";
        return evidence switch
        {
            { Signal: (Signals.Kill or Signals.Terminate or Signals.Interrupt or Signals.Hangup) and var signal } =>
                new(ExitReason.Killed, $"vfkit was ended by signal {signal}"),
            { Signal: { } signal } => new(ExitReason.HypervisorError, $"vfkit died of signal {signal}{said}"),
            { Code: 0 } => new(ExitReason.PowerOff, "the machine stopped (vfkit exited with code 0)"),
            { Code: { } code, WroteConsole: false } => new(ExitReason.StartFailed, $"vfkit exited with code {code} before the guest wrote anything{said}"),
            { Code: { } code } => new(ExitReason.HypervisorError, $"vfkit exited with code {code}{said}"),
            _ => new(ExitReason.Unknown, "nobody could collect vfkit's exit code"),
        };
    }
}
