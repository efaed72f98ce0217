using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using VmHost.Posix;

namespace VmHost.Hypervisors.Diagnosis;

/// <summary>Room: on disk, in memory, in a socket's name.</summary>
internal static partial class ResourceChecks
{
    private const long KiB = 1L << 10;
    private const long MiB = 1L << 20;
    private const long GiB = 1L << 30;

    // A console journal may take 64 MiB.
    private const long LittleDisk = GiB;
    private const long TooLittleDisk = 100 * MiB;

    // A machine has 1 GiB unless it asks for another size; below the other not even a small one fits.
    private const long LittleMemory = GiB;
    private const long TooLittleMemory = 128 * MiB;

    internal static Verdict? Disk(HostEvidence evidence)
    {
        const string title = "little disk space";
        if (evidence.FreeStateBytes is not { } free)
            return Verdict.NotKnown("the free disk space is not known", $"df -h {evidence.StateDirectory}");

        var detail = $"{Size(free)} are free for the state directory, {evidence.StateDirectory}";
        var cure = "make room there, or choose another directory (vmhostd --state-dir DIR)";
        return free switch
        {
            < TooLittleDisk => Verdict.Problem(title, $"{detail}; consoles will have gaps and machines will not start", cure),
            < LittleDisk => Verdict.Warning(title, detail, cure),
            _ => Verdict.Ok("enough disk space", detail),
        };
    }

    internal static Verdict? Memory(HostEvidence evidence)
    {
        const string title = "little memory";
        if (Available(evidence) is not { } available)
            return Verdict.NotKnown("the available memory is not known", evidence.Facts.Platform.IsMac ? "vm_stat" : "free -m");

        var detail = $"{Size(available)} of memory are available";
        var cure = "end programs or machines that nobody needs, or give machines less (--memory 256)";
        return available switch
        {
            < TooLittleMemory => Verdict.Problem(title, detail, cure),
            < LittleMemory => Verdict.Warning(title, $"{detail}, and a machine has 1 GiB unless it asks for another size", cure),
            _ => Verdict.Ok("enough memory", detail),
        };
    }

    internal static Verdict? SocketPath(HostEvidence evidence)
    {
        var bytes = Encoding.UTF8.GetByteCount(evidence.LongestSocketPath);
        var detail = string.Create(CultureInfo.InvariantCulture, $"the longest, {evidence.LongestSocketPath}, has {bytes} bytes, and {UnixListener.MaxPathBytes} is the most");
        return bytes > UnixListener.MaxPathBytes
            ? Verdict.Problem("socket paths are too long", detail, "choose a shorter run directory (vmhostd --run-dir DIR)")
            : Verdict.Ok("socket paths fit", detail);
    }

    private static long? Available(HostEvidence evidence)
    {
        if (evidence.Memory is not { } said)
            return null;
        if (!evidence.Facts.Platform.IsMac)
            return Number(MemAvailable().Match(said)) * KiB;

        // What can be had without swapping: free, or filled with what is on disk as well.
        var pages = ReusablePages().Matches(said).Sum(match => Number(match));
        return pages > 0 ? Number(PageSize().Match(said)) * pages : null;
    }

    private static long? Number(Match match) =>
        match.Success && long.TryParse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Size(long bytes) =>
        bytes >= GiB
            ? string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / GiB:0.0} GiB")
            : string.Create(CultureInfo.InvariantCulture, $"{bytes / MiB} MiB");

    [GeneratedRegex(@"^MemAvailable:\s+(?<number>\d+) kB", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex MemAvailable();

    [GeneratedRegex(@"page size of (?<number>\d+) bytes", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PageSize();

    [GeneratedRegex(@"^Pages (free|inactive|speculative):\s+(?<number>\d+)\.", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture | RegexOptions.Multiline, 1000)]
    private static partial Regex ReusablePages();
}
