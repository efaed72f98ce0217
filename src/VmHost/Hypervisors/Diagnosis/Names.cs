using VmHost.Specs;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>Words that several checks need.</summary>
internal static class Names
{
    internal static string Of(HypervisorKind kind) =>
        kind switch
        {
            HypervisorKind.Qemu => "QEMU",
            HypervisorKind.Xhyve => "xhyve",
            HypervisorKind.HyperKit => "HyperKit",
            HypervisorKind.Vfkit => "vfkit",
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "no such hypervisor"),
        };

    /// <summary>Parts "what; cure", the form of every message of this daemon. A cure may have semicolons of its own.</summary>
    internal static (string What, string? Cure) Split(string message)
    {
        var at = message.IndexOf("; ", StringComparison.Ordinal);
        return at < 0 ? (message, null) : (message[..at], message[(at + 2)..]);
    }
}
