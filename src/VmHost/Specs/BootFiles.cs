namespace VmHost.Specs;

/// <summary>What to boot, as asked for. A triple named by its prefix, single files, or a mix; null is unset.</summary>
/// <param name="TriplePrefix">Absolute path up to the <c>-kernel</c>, <c>-initrd.img</c> and <c>-cmdline</c>.</param>
/// <param name="KernelPath">Absolute path of a bzImage; replaces the triple's.</param>
/// <param name="InitrdPath">Absolute path of an initial ramdisk; replaces the triple's.</param>
/// <param name="CommandLine">Kernel command line; replaces the triple's.</param>
/// <param name="Append">Put behind the command line, after a space.</param>
public sealed record BootRequest(string? TriplePrefix, string? KernelPath, string? InitrdPath, string? CommandLine, string? Append = null);

/// <summary>What a kernel runs on.</summary>
public enum GuestArchitecture
{
    /// <summary>64-bit x86.</summary>
    X64,

    /// <summary>64-bit ARM.</summary>
    Arm64,
}

/// <summary>What to boot, resolved to files that were there and fit when it was checked.</summary>
/// <param name="TriplePrefix">What was asked for, if it was a triple.</param>
/// <param name="KernelPath">Absolute path of a bzImage or an arm64 Image.</param>
/// <param name="InitrdPath">Absolute path of an initial ramdisk; null for none.</param>
/// <param name="CommandLine">Kernel command line; may be empty. No NUL, no line break.</param>
/// <param name="Architecture">What the kernel runs on, by its header.</param>
public sealed record BootFiles(
    string? TriplePrefix,
    string KernelPath,
    string? InitrdPath,
    string CommandLine,
    GuestArchitecture Architecture = GuestArchitecture.X64) : StoredObject;

/// <summary>What became of a <see cref="BootRequest"/>.</summary>
/// <param name="Files">The files; null when there are faults.</param>
/// <param name="Faults">Everything that is wrong; empty when nothing is.</param>
public sealed record BootResolution(BootFiles? Files, System.Collections.Immutable.ImmutableArray<SpecFault> Faults);
