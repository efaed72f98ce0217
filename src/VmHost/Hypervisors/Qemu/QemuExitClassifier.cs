using VmHost.Posix;

namespace VmHost.Hypervisors.Qemu;

/// <summary>
/// QEMU exits with 0 after a power-off, a reset, a panic and a SIGTERM alike; the SHUTDOWN event of its monitor tells
/// them apart (hw/core/runstate and qapi/run-state.json in QEMU's sources).
/// </summary>
internal static class QemuExitClassifier
{
    internal static ExitVerdict Classify(ExitEvidence evidence)
    {
        var shutdown = QmpLog.LastShutdownReason(evidence.MonitorLog);
        return evidence switch
        {
            { Signal: { } signal } => BySignal(signal),
            { Code: 0 } => ByEvent(shutdown, evidence),
            { Code: { } code, WroteConsole: false } when shutdown is null =>
                new(ExitReason.StartFailed, $"QEMU exited with code {code} before the guest wrote anything"),
            { Code: { } code } => new(ExitReason.HypervisorError, $"QEMU exited with code {code}"),
            _ => new(ExitReason.Unknown, "nobody could collect QEMU's exit code"),
        };
    }

    private static ExitVerdict BySignal(int signal) =>
        signal switch
        {
            Signals.Kill or Signals.Terminate or Signals.Interrupt or Signals.Hangup =>
                new(ExitReason.Killed, $"QEMU was ended by signal {signal}"),
            _ => new(ExitReason.HypervisorError, $"QEMU died of signal {signal}"),
        };

    private static ExitVerdict ByEvent(string? shutdown, ExitEvidence evidence) =>
        shutdown switch
        {
            "guest-shutdown" => new(ExitReason.PowerOff, "the guest powered off"),
            "guest-reset" or "host-qmp-system-reset" when evidence.WroteConsole => GuestWords.ResetOrPanic(evidence, $"QEMU's event: {shutdown}"),
            "guest-reset" => new(ExitReason.TripleFault, "the guest reset before it wrote anything"),
            "guest-panic" => new(ExitReason.Panic, "the guest's kernel panicked"),
            "host-signal" => new(ExitReason.Killed, "QEMU was asked to end by a signal"),
            "host-qmp-quit" => new(ExitReason.Killed, "QEMU was told to quit by its monitor"),
            null when !evidence.WroteConsole => new(ExitReason.StartFailed, "QEMU exited with code 0, said nothing, and the guest wrote nothing"),
            null => new(ExitReason.Unknown, "QEMU exited with code 0 and left no word why"),
            _ => new(ExitReason.Unknown, $"QEMU ended for the reason '{shutdown}', which this version does not know"),
        };
}
