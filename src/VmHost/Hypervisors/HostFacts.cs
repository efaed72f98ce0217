using VmHost.Specs;

namespace VmHost.Hypervisors;

/// <summary>What was found out about this host, so that planning needs to ask nobody.</summary>
public sealed record HostFacts
{
    /// <summary>The host itself.</summary>
    public required HostPlatform Platform { get; init; }

    /// <summary>QEMU.</summary>
    public required QemuFacts Qemu { get; init; }

    /// <summary>xhyve.</summary>
    public required XhyveFacts Xhyve { get; init; }

    /// <summary>HyperKit.</summary>
    public required HyperKitFacts HyperKit { get; init; }

    /// <summary>vfkit.</summary>
    public required VfkitFacts Vfkit { get; init; }

    /// <summary>All hypervisors.</summary>
    public IReadOnlyList<HypervisorFacts> Hypervisors => [Qemu, Xhyve, HyperKit, Vfkit];
}

/// <summary>The host.</summary>
/// <param name="IsMac">macOS; otherwise Linux.</param>
/// <param name="Architecture">Of its processor.</param>
/// <param name="IsRoot">The daemon runs as root.</param>
public sealed record HostPlatform(bool IsMac, GuestArchitecture Architecture, bool IsRoot);

/// <summary>One hypervisor program.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Path">Absolute path; null when none was found.</param>
/// <param name="Version">As it says; null when it could not be asked.</param>
/// <param name="Problem">Why it cannot be used and the cure; null when it can.</param>
public abstract record HypervisorFacts(HypervisorKind Kind, string? Path, string? Version, string? Problem)
{
    /// <summary>The program's usual name.</summary>
    public abstract string ProgramName { get; }

    /// <summary>What to run: the path, or the bare name where none was found.</summary>
    public string Executable => Path ?? ProgramName;
}

/// <summary>QEMU for x86-64 guests.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Version">For example 7.2.22.</param>
/// <param name="Accelerator"><c>kvm</c> where this user may use it and it works, else <c>tcg</c> (software emulation).</param>
/// <param name="HasSandbox">Whether this build can confine itself with seccomp.</param>
/// <param name="Problem">As in the base.</param>
public sealed record QemuFacts(string? Path, string? Version, string Accelerator, bool HasSandbox, string? Problem)
    : HypervisorFacts(HypervisorKind.Qemu, Path, Version, Problem)
{
    /// <summary>
    /// What a trial of KVM showed. Null: none was made, as this user cannot open it, QEMU cannot be used, somebody said which accelerator
    /// to take, or there was no room for it.
    /// </summary>
    public KvmOutcome? Kvm { get; init; }

    /// <inheritdoc/>
    public override string ProgramName => "qemu-system-x86_64";
}

/// <summary>What a trial of KVM showed.</summary>
/// <param name="Problem">Why QEMU can run no guest by it, in one line; null when one ran.</param>
public sealed record KvmOutcome(string? Problem);

/// <summary>xhyve.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Version">For example 0.2.0.</param>
/// <param name="Problem">As in the base.</param>
public sealed record XhyveFacts(string? Path, string? Version, string? Problem)
    : HypervisorFacts(HypervisorKind.Xhyve, Path, Version, Problem)
{
    /// <summary>Started by anybody, it runs as root.</summary>
    public bool IsSetuidRoot { get; init; }

    /// <inheritdoc/>
    public override string ProgramName => "xhyve";

    /// <summary>
    /// The release that Homebrew had for years puts the initial ramdisk right behind the packed kernel, which overwrites
    /// it when it unpacks itself. Builds of the sources since then say more than the bare number.
    /// </summary>
    public bool OverwritesInitrd => Version == "0.2.0";
}

/// <summary>HyperKit.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Version">For example v0.20210107.</param>
/// <param name="HasQcow2">Whether this build reads qcow2 images (Docker's does, plain builds do not).</param>
/// <param name="Problem">As in the base.</param>
public sealed record HyperKitFacts(string? Path, string? Version, bool HasQcow2, string? Problem)
    : HypervisorFacts(HypervisorKind.HyperKit, Path, Version, Problem)
{
    /// <summary>Started by anybody, it runs as root.</summary>
    public bool IsSetuidRoot { get; init; }

    /// <inheritdoc/>
    public override string ProgramName => "hyperkit";
}

/// <summary>vfkit.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Version">For example v0.6.1.</param>
/// <param name="Problem">As in the base.</param>
public sealed record VfkitFacts(string? Path, string? Version, string? Problem)
    : HypervisorFacts(HypervisorKind.Vfkit, Path, Version, Problem)
{
    /// <inheritdoc/>
    public override string ProgramName => "vfkit";
}
