namespace VmHost.Hypervisors;

/// <summary>What was found out about this host, so that planning needs to ask nobody.</summary>
/// <param name="Qemu">QEMU on this host.</param>
public sealed record HostFacts(QemuFacts Qemu);

/// <summary>The QEMU that would be used.</summary>
/// <param name="Path">Absolute path; null when none was found.</param>
/// <param name="Version">As it says, for example 7.2.22; null when it could not be asked.</param>
/// <param name="Accelerator"><c>kvm</c> where this user may use it, else <c>tcg</c> (software emulation).</param>
/// <param name="HasSandbox">Whether this build can confine itself with seccomp.</param>
/// <param name="Problem">Why it cannot be used and the cure; null when it can.</param>
public sealed record QemuFacts(string? Path, string? Version, string Accelerator, bool HasSandbox, string? Problem);
