using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using VmHost.Posix;
using VmHost.Specs;

namespace VmHost.Supervision;

/// <summary>How a halt went.</summary>
public enum StopResult
{
    /// <summary>The machine ended within the grace time.</summary>
    Ended,

    /// <summary>The grace time passed and the hypervisor was killed.</summary>
    Killed,

    /// <summary>The grace time passed and it still runs, as the caller wanted it in that case.</summary>
    StillRuns,
}

/// <summary>Told of each step of a halt, with a sentence for a person.</summary>
internal delegate Task HaltObserver(HaltStep step, string detail);

/// <summary>
/// Ends a machine step by step: press the power button, press it again while nothing happens, type a line on the console if
/// the caller gave one, kill. Each step is tried whatever became of the one before.
/// </summary>
public sealed partial class StopLadder(TimeProvider time, ILogger<StopLadder> logger)
{
    // A guest that has not loaded its button driver yet does not see a press, and says nothing of it.
    private static readonly TimeSpan PressEvery = TimeSpan.FromSeconds(2);

    // By then a guest that knows the button has seen it.
    private const int PressesBeforeLine = 2;

    private static readonly TimeSpan MonitorLimit = TimeSpan.FromSeconds(2);

    // From SIGKILL to the shim's last word: the kernel frees the guest's memory, the shim writes the record.
    private static readonly TimeSpan KillLimit = TimeSpan.FromSeconds(30);

    /// <summary>Halts, and kills after the grace time if told so. Returns once the process is gone.</summary>
    internal async Task<StopResult> HaltAsync(SupervisedBoot boot, GuestControl control, HaltOptions options, string machine, HaltObserver tell)
    {
        var begin = time.GetTimestamp();
        for (var press = 1; ; press++)
        {
            await PressPowerButtonAsync(control, machine, press, tell);
            if (press == PressesBeforeLine && options.ConsoleLine is { } line)
                await TypeAsync(boot, line, machine, tell);

            var left = options.Grace - time.GetElapsedTime(begin);
            if (left <= TimeSpan.Zero)
                break;

            if (await EndsWithinAsync(boot, left < PressEvery ? left : PressEvery))
                return StopResult.Ended;
        }

        if (boot.Ended.IsCompleted)
            return StopResult.Ended;

        if (!options.KillAfterwards)
            return StopResult.StillRuns;

        LogGraceOver(machine, options.Grace);
        await tell(HaltStep.Killed, $"killed, as it still ran {options.Grace.TotalSeconds:0.#} s after it was asked to power off");
        await KillAsync(boot);
        return StopResult.Killed;
    }

    /// <summary>Kills the hypervisor and waits until it is gone.</summary>
    /// <exception cref="TimeoutException">It was not gone in 30 s: the kernel does not let go of it.</exception>
    internal async Task KillAsync(SupervisedBoot boot)
    {
        try
        {
            await boot.SignalAsync(Signals.Kill, CancellationToken.None).WaitAsync(MonitorLimit, time, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            // The shim is gone, or hangs. Its word is not needed: number and start time prove the process too.
            ProcessIdentity.SignalIfSame(boot.Run.HypervisorPid, boot.Run.HypervisorStartTime, Signals.Kill);
        }

        await boot.Ended.WaitAsync(KillLimit, time, CancellationToken.None);
    }

    private async Task PressPowerButtonAsync(GuestControl control, string machine, int press, HaltObserver tell)
    {
        using var limit = new CancellationTokenSource(MonitorLimit, time);
        try
        {
            await control.PressPowerButtonAsync(limit.Token);
            LogPressed(machine, press);
            await tell(HaltStep.ButtonPressed, string.Create(CultureInfo.InvariantCulture, $"power button pressed ({press})"));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It may be ending already; if not, the next press or the kill does it.
            LogNotPressed(e, machine, press);
            await tell(HaltStep.ButtonFailed, string.Create(CultureInfo.InvariantCulture, $"power button could not be pressed ({press}): {e.Message}"));
        }
    }

    private async Task TypeAsync(SupervisedBoot boot, string line, string machine, HaltObserver tell)
    {
        using var limit = new CancellationTokenSource(MonitorLimit, time);
        try
        {
            // What a keyboard sends for Enter.
            await boot.WriteConsoleAsync(Encoding.UTF8.GetBytes(line + "\r"), limit.Token);
            await tell(HaltStep.LineTyped, "the line for guests without a power button was typed on the console");
        }
        catch (Exception e) when (e is VmHostException or OperationCanceledException)
        {
            LogNotTyped(e, machine);   // a guest that does not read; the kill is next
        }
    }

    private async Task<bool> EndsWithinAsync(SupervisedBoot boot, TimeSpan limit)
    {
        try
        {
            await boot.Ended.WaitAsync(limit, time);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine}: power button pressed (press {Press}).")]
    private partial void LogPressed(string machine, int press);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: the power button could not be pressed (press {Press}).")]
    private partial void LogNotPressed(Exception e, string machine, int press);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: the halt's line could not be typed on the console.")]
    private partial void LogNotTyped(Exception e, string machine);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: still runs {Grace} after it was asked to halt; killing it.")]
    private partial void LogGraceOver(string machine, TimeSpan grace);
}
