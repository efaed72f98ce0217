using VmHost.Posix;

namespace VmHost.Hypervisors.Bhyve;

/// <summary>What the ends of xhyve and HyperKit have in common.</summary>
internal static class BhyveExits
{
    private const int Abort = 6;

    // Said when the processor loop itself fails (xhyve.c, hyperkit.c: vcpu_loop).
    private static readonly string[] RunTimeFailures = ["vcpu_loop:", "vm_run error", "Unhandled", "unexpected exitcode"];

    // Said of registers that the guest tries out; no sign of anything.
    private static readonly string[] Noise = ["rdmsr to register", "wrmsr to register", "COM1 connected to", "linkname "];

    internal static ExitVerdict BySignal(string name, int signal, ExitEvidence evidence)
    {
        if (signal == Signals.Terminate)
            return new(ExitReason.Killed, $"{name} was ended by SIGTERM: the guest had not switched ACPI on, so there was no power button yet");
        if (signal is Signals.Kill or Signals.Interrupt or Signals.Hangup)
            return new(ExitReason.Killed, $"{name} was ended by signal {signal}");

        var how = signal == Abort ? $"{name} gave up (SIGABRT)" : $"{name} died of signal {signal}";
        var said = LastWord(evidence.HypervisorLog) is { } word ? $" and said: {word}" : "";
        return evidence.WroteConsole
            ? new(ExitReason.HypervisorError, how + said)
            : new(ExitReason.StartFailed, $"{how} before the guest wrote anything{said}");
    }

    /// <summary>The codes that mean the same in both.</summary>
    internal static ExitVerdict ByOtherCode(string name, int code, ExitEvidence evidence)
    {
        const int tripleFault = 3;
        const int badArgument = 64;
        if (code == tripleFault)
            return new(ExitReason.TripleFault, $"the guest's processor shut down after a triple fault ({name} exited with code {code})");

        var said = LastWord(evidence.HypervisorLog) is { } word ? $" and said: {word}" : "";
        return code == badArgument || !evidence.WroteConsole
            ? new(ExitReason.StartFailed, $"{name} exited with code {code}{said}")
            : new(ExitReason.HypervisorError, $"{name} exited with code {code}{said}");
    }

    /// <summary>The line in which the hypervisor said that it failed while the guest ran; null when there is none.</summary>
    internal static string? RunTimeFailure(string log) =>
        Lines(log).FirstOrDefault(line => Array.Exists(RunTimeFailures, failure => line.Contains(failure, StringComparison.Ordinal)));

    /// <summary>The last line that is no noise; null when there is none.</summary>
    internal static string? LastWord(string log) =>
        Lines(log).LastOrDefault(line => !Array.Exists(Noise, noise => line.Contains(noise, StringComparison.Ordinal)));

    private static string[] Lines(string log) => log.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
