using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Hypervisors;

/// <summary>Where hypervisors are; null where they are to be looked for.</summary>
/// <param name="Qemu">Absolute path.</param>
/// <param name="Xhyve">Absolute path.</param>
/// <param name="HyperKit">Absolute path.</param>
/// <param name="Vfkit">Absolute path.</param>
public sealed record HypervisorPrograms(string? Qemu, string? Xhyve = null, string? HyperKit = null, string? Vfkit = null)
{
    /// <summary>What QEMU runs guests by, as QEMU calls it; null: the best that works here.</summary>
    public string? Accelerator { get; init; }

    /// <summary>What they run with, also while they are only asked for their version.</summary>
    public HypervisorEnvironment Environment { get; init; } = new();
}

/// <summary>Finds out what this host offers. Safe for use by several callers at once.</summary>
public sealed partial class HostProbe : IDisposable
{
    private const string KvmDevice = "/dev/kvm";
    private const string DockersHyperKit = "com.docker.hyperkit";

    private readonly string? _accelerator;
    private readonly KvmTrial _kvm;
    private readonly ProgramProbe<QemuAnswer> _qemu;
    private readonly ProgramProbe<string> _xhyve;
    private readonly ProgramProbe<string> _hyperKit;
    private readonly ProgramProbe<string> _vfkit;

    /// <param name="programs">Where hypervisors are.</param>
    /// <param name="time">The clock.</param>
    public HostProbe(HypervisorPrograms programs, TimeProvider time)
    {
        _accelerator = programs.Accelerator;
        _kvm = new(programs.Environment, time);
        _qemu = new(programs.Qemu, ["qemu-system-x86_64"], "--qemu", programs.Environment, time);
        _xhyve = new(programs.Xhyve, ["xhyve"], "--xhyve", programs.Environment, time);
        _hyperKit = new(programs.HyperKit, ["hyperkit", DockersHyperKit], "--hyperkit", programs.Environment, time);
        _vfkit = new(programs.Vfkit, ["vfkit"], "--vfkit", programs.Environment, time);
    }

    /// <inheritdoc/>
    public void Dispose() => _kvm.Dispose();

    private static HostPlatform Platform { get; } = new(
        OperatingSystem.IsMacOS(),
        RuntimeInformation.OSArchitecture == Architecture.Arm64 ? GuestArchitecture.Arm64 : GuestArchitecture.X64,
        User.Id == 0);

    /// <summary>The facts now. Never throws for what it finds; a problem is part of the answer.</summary>
    public async Task<HostFacts> ProbeAsync(CancellationToken ct)
    {
        var (qemu, xhyve, hyperKit, vfkit) = (QemuAsync(ct), XhyveAsync(ct), HyperKitAsync(ct), VfkitAsync(ct));
        return new() { Platform = Platform, Qemu = await qemu, Xhyve = await xhyve, HyperKit = await hyperKit, Vfkit = await vfkit };
    }

    // What runs QEMU's guests, and what a trial of KVM showed if one was made.
    private async Task<(string Name, KvmOutcome? Kvm)> AcceleratorAsync(string? qemu, CancellationToken ct)
    {
        if (_accelerator is not null)
            return (_accelerator, null);

        // An x86 guest on another processor is emulated, whatever accelerator is there.
        if (Platform.Architecture != GuestArchitecture.X64)
            return ("tcg", null);

        var descriptor = Descriptor.TryOpen(KvmDevice, Descriptor.ReadWrite);
        if (descriptor < 0)
            return (OperatingSystem.IsMacOS() ? "hvf:tcg" : "tcg", null);

        Descriptor.Close(descriptor);
        var outcome = qemu is null ? null : await _kvm.OutcomeAsync(qemu, ct);
        return (outcome?.Problem is null ? "kvm" : "tcg", outcome);
    }

    private async Task<QemuFacts> QemuAsync(CancellationToken ct)
    {
        var (path, answer, problem) = await _qemu.ProbeAsync(
            static async (_, run) =>
            {
                var version = QemuVersion().Match(await run("-version"));
                if (!version.Success)
                    return null;

                var help = await run("-help");
                return new(version.Groups["version"].Value, help.Contains("-sandbox", StringComparison.Ordinal));
            },
            "qemu-system-x86_64 was not found in PATH or the usual places; install it (Debian: apt install qemu-system-x86; Homebrew: brew install qemu)",
            ct);
        var (accelerator, kvm) = await AcceleratorAsync(problem is null ? path : null, ct);
        return new(path, answer?.Version, accelerator, answer?.HasSandbox ?? false, problem) { Kvm = kvm };
    }

    private async Task<XhyveFacts> XhyveAsync(CancellationToken ct)
    {
        if (NotHere(_xhyve.IsGiven, "xhyve", GuestArchitecture.X64) is { } notHere)
            return new(null, null, notHere);

        var (path, version, problem) = await _xhyve.ProbeAsync(
            static async (_, run) => VersionIn(XhyveVersion(), await run("-v")),
            "xhyve was not found in PATH or the usual places; install it (brew install --HEAD xhyve)",
            ct);
        return new(path, version, problem) { IsSetuidRoot = IsSetuidRoot(path) };
    }

    private async Task<HyperKitFacts> HyperKitAsync(CancellationToken ct)
    {
        if (NotHere(_hyperKit.IsGiven, "HyperKit", GuestArchitecture.X64) is { } notHere)
            return new(null, null, false, notHere);

        var (path, version, problem) = await _hyperKit.ProbeAsync(
            static async (_, run) => VersionIn(HyperKitVersion(), await run("-v")),
            "hyperkit was not found in PATH or the usual places; build it from github.com/moby/hyperkit (Homebrew has disabled its formula) or name that of an older Docker Desktop with --hyperkit,",
            ct);

        // No build says whether it reads qcow2; Docker's does, and has a name of its own.
        return new(path, version, Path.GetFileName(path) == DockersHyperKit, problem) { IsSetuidRoot = IsSetuidRoot(path) };
    }

    private async Task<VfkitFacts> VfkitAsync(CancellationToken ct)
    {
        if (NotHere(_vfkit.IsGiven, "vfkit", architecture: null) is { } notHere)
            return new(null, null, notHere);

        var (path, version, problem) = await _vfkit.ProbeAsync(
            static async (_, run) => VersionIn(VfkitVersion(), await run("--version")),
            "vfkit was not found in PATH or the usual places; install it (brew install vfkit)",
            ct);
        return new(path, version, problem);
    }

    // A program that somebody named is taken for what they say it is, wherever it runs.
    private static string? NotHere(bool isGiven, string name, GuestArchitecture? architecture)
    {
        if (isGiven)
            return null;
        if (!Platform.IsMac)
            return $"{name} runs on {(architecture is null ? "" : "Intel ")}Macs only, and this is a Linux host; use QEMU";

        return architecture is not null && architecture != Platform.Architecture
            ? $"{name} runs on Intel Macs only, and this one has Apple silicon; use vfkit"
            : null;
    }

    private static string? VersionIn(Regex pattern, string said) => pattern.Match(said) is { Success: true } match ? match.Groups["version"].Value : null;

    private static bool IsSetuidRoot(string? path) =>
        path is not null && FileStatus.TryGet(path, out var status) && status.Owner == 0
        && (File.GetUnixFileMode(path) & UnixFileMode.SetUser) != UnixFileMode.None;

    [GeneratedRegex(@"QEMU emulator version (?<version>[\d.]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex QemuVersion();

    [GeneratedRegex(@"xhyve:?\s+v?(?<version>[\w.\-]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex XhyveVersion();

    [GeneratedRegex(@"hyperkit:?\s+v?(?<version>[\w.\-]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex HyperKitVersion();

    [GeneratedRegex(@"vfkit version:?\s+v?(?<version>[\w.\-]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex VfkitVersion();

    private sealed record QemuAnswer(string Version, bool HasSandbox);
}
