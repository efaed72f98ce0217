using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>
/// Finds out that a guest in QEMU halted: xhyve and HyperKit end then, QEMU would stay for ever. It costs nothing while
/// the guest is silent, and one look a second while it writes.
/// </summary>
internal sealed partial class GuestHaltDetector(TimeProvider time)
{
    private const ulong InterruptFlag = 1 << 9;

    // Differs from every end of a journal, so that the console is looked at again though it did not grow.
    private const long NotSeen = -1;

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MonitorLimit = TimeSpan.FromSeconds(5);

    /// <summary>Returns true when the guest halted, false when the boot ended otherwise.</summary>
    internal async Task<bool> WaitAsync(SupervisedBoot boot, MachinePaths paths, ConsoleFeed console)
    {
        var seen = boot.Run.ConsoleBegin;
        while (true)
        {
            var (state, changed) = console.Current;
            if (state.End == seen && await Task.WhenAny(changed, boot.Closed) == boot.Closed)
                return false;

            // Its last words come before it halts: only a console that was quiet for a while is looked at.
            seen = console.Current.State.End;
            if (await EndedWithin(boot, Quiet))
                return false;
            if (console.Current.State.End != seen)
                continue;

            if (!SaysHalted(paths, boot.Run.ConsoleBegin, seen))
                continue;

            var halted = await IsHaltedAsync(boot);
            if (halted == true)
                return true;
            if (halted is null)
                seen = NotSeen;
        }
    }

    /// <summary>Whether every processor stands still and nothing can wake it: halted with interrupts off.</summary>
    /// <param name="registers">What QEMU's <c>info registers -a</c> says.</param>
    internal static bool AllHalted(string registers)
    {
        var processors = Processor().Matches(registers);
        return processors.Count > 0 && processors.All(static processor =>
            processor.Groups["halted"].Value == "1"
            && (ulong.Parse(processor.Groups["flags"].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) & InterruptFlag) == 0);
    }

    private async Task<bool> EndedWithin(SupervisedBoot boot, TimeSpan limit)
    {
        try
        {
            await boot.Closed.WaitAsync(limit, time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static bool SaysHalted(MachinePaths paths, long begin, long end) =>
        GuestWords.SaysHalted(Encoding.UTF8.GetString(ConsoleTail.Read(paths.Console, begin, end)));

    // Null where the monitor cannot be asked now: it is asked again, since a guest that halted never writes more.
    private async Task<bool?> IsHaltedAsync(SupervisedBoot boot)
    {
        using var limit = new CancellationTokenSource(MonitorLimit, time);
        try
        {
            return AllHalted(await boot.Monitor.AskHumanAsync("info registers -a", limit.Token));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or RegexMatchTimeoutException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"[RE]FL=(?<flags>[0-9a-f]+)[^\n]*HLT=(?<halted>[01])", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Processor();
}
