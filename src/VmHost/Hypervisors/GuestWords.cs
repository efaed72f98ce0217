namespace VmHost.Hypervisors;

/// <summary>What a guest says on its console at its end, where the hypervisor does not tell two ends apart.</summary>
internal static class GuestWords
{
    // kernel/panic.c and kernel/reboot.c of Linux.
    private const string Panic = "Kernel panic - not syncing";
    private const string Halted = "System halted";

    internal static bool SaysHalted(string consoleTail) => consoleTail.Contains(Halted, StringComparison.Ordinal);

    /// <summary>A kernel that panics and reboots (panic=N) looks like any reset to the hypervisor.</summary>
    internal static ExitVerdict ResetOrPanic(ExitEvidence evidence, string seen) =>
        evidence.ConsoleTail.Contains(Panic, StringComparison.Ordinal)
            ? new(ExitReason.Panic, $"the guest's kernel panicked, as it said on its console ({seen})")
            : new(ExitReason.Reset, $"the guest reset itself ({seen})");
}
