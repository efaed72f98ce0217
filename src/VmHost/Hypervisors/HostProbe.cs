using System.Text;
using System.Text.RegularExpressions;
using CliWrap;
using CliWrap.Buffered;
using VmHost.ShimContract.Posix;

namespace VmHost.Hypervisors;

/// <summary>
/// Finds out what this host offers. The answer is kept until the program on disk changes; safe for use by several
/// callers at once.
/// </summary>
/// <param name="qemuPath">Where QEMU is; null to look in PATH and the usual places.</param>
/// <param name="time">The clock.</param>
public sealed partial class HostProbe(string? qemuPath, TimeProvider time)
{
    private const string QemuName = "qemu-system-x86_64";
    private const string KvmDevice = "/dev/kvm";

    // launchd's and systemd's PATH may lack these.
    private static readonly string[] UsualPlaces =
        ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin", "/usr/libexec"];

    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    private volatile Known? _known;

    /// <summary>The facts now. Never throws for what it finds; a problem is part of the answer.</summary>
    public async Task<HostFacts> ProbeAsync(CancellationToken ct)
    {
        var path = qemuPath ?? Find();
        if (path is null)
        {
            return Facts(null, $"{QemuName} was not found in PATH or the usual places; install it (Debian: apt install qemu-system-x86; "
                + "Homebrew: brew install qemu) or name it with --qemu");
        }

        if (!FileStatus.TryGet(path, out var status))
            return Facts(path, $"{path} is not there; install QEMU or name another with --qemu");
        if (status.Type != FileType.Regular || (File.GetUnixFileMode(path) & AnyExecute) == UnixFileMode.None)
            return Facts(path, $"{path} is no executable program; make it one (chmod +x) or name another with --qemu");

        var stamp = (path, status.Inode, status.Size, status.ModifiedAt);
        if (_known is { } known && known.Stamp == stamp)
            return known.Facts;

        var facts = await AskAsync(path, ct);

        // A failure may pass; only what the program said of itself is kept.
        if (facts.Qemu.Problem is null)
            _known = new Known(stamp, facts);

        return facts;
    }

    private static UnixFileMode AnyExecute => UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private static string Accelerator
    {
        get
        {
            var descriptor = Descriptor.TryOpen(KvmDevice, Descriptor.ReadWrite);
            if (descriptor < 0)
                return OperatingSystem.IsMacOS() ? "hvf:tcg" : "tcg";

            Descriptor.Close(descriptor);
            return "kvm";
        }
    }

    private static string? Find()
    {
        var places = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return places.Concat(UsualPlaces)
            .Where(Path.IsPathFullyQualified)
            .Select(place => Path.Combine(place, QemuName))
            .FirstOrDefault(File.Exists);
    }

    private static HostFacts Facts(string? path, string problem) => new(new QemuFacts(path, null, Accelerator, false, problem));

    private async Task<HostFacts> AskAsync(string path, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(AnswerLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var version = await RunAsync(path, "-version", either.Token);
            var match = VersionPattern().Match(version);
            if (!match.Success)
                return Facts(path, $"{path} does not answer -version as QEMU does; name another with --qemu");

            var help = await RunAsync(path, "-help", either.Token);
            return new HostFacts(new QemuFacts(
                path, match.Groups["version"].Value, Accelerator, help.Contains("-sandbox", StringComparison.Ordinal), null));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return Facts(path, $"{path} did not answer -version within {AnswerLimit.TotalSeconds:0} s; name another with --qemu");
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException or InvalidOperationException)
        {
            return Facts(path, $"{path} cannot be run ({e.Message.TrimEnd('.')}); name another with --qemu");
        }
    }

    private static async Task<string> RunAsync(string path, string argument, CancellationToken ct)
    {
        var result = await Cli.Wrap(path)
            .WithArguments([argument])
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(Encoding.UTF8, Encoding.UTF8, ct, ct);
        return result.StandardOutput;
    }

    [GeneratedRegex(@"QEMU emulator version (?<version>[\d.]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex VersionPattern();

    private sealed record Known((string Path, ulong Inode, long Size, long ModifiedAt) Stamp, HostFacts Facts);
}
