using System.Globalization;
using Microsoft.Extensions.Logging;
using VmHost.Hypervisors;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The part that follows what a guest does by itself: it reboots, or it halts.</summary>
public sealed partial class Machine
{
    // A guest that resets itself before it is of any use, again and again, does not reboot: it fails.
    private const int MaxQuickResets = 5;

    private static readonly TimeSpan QuickReset = TimeSpan.FromSeconds(10);

    /// <summary>Ends the boot, or begins the next one if the guest rebooted and is to.</summary>
    private async Task EndOrRebootLockedAsync(ExitSummary exit)
    {
        if (exit.Reason != ExitReason.Reset || _killRequested || _snapshot.State == MachineState.Stopping || _record!.Spec.OnReboot != RebootAction.Restart)
        {
            EndLocked(exit);
            return;
        }

        var quick = exit.RanFor < QuickReset ? _record.QuickResets + 1 : 0;
        if (quick >= MaxQuickResets)
        {
            EndLocked(exit with { Expected = false, Detail = string.Create(CultureInfo.InvariantCulture, $"a reset loop: the guest reset itself {quick} times in a row, each within {QuickReset.TotalSeconds:0} s of its boot") });
            return;
        }

        _record = _record with { LastExit = exit, QuickResets = quick };
        MoveLocked(MachineEvent.Rebooted, snapshot => snapshot with { LastExit = exit, HypervisorPid = null, ShimPid = null });
        LogRebooted(_snapshot.Name, _record.Boot!.Number + 1);
        try
        {
            if (await BeginBootLockedAsync(CancellationToken.None) is ({ } boot, _))
                _ = ConfirmUnaskedAsync(boot);
        }
        catch (VmHostException e)
        {
            LogNotRebooted(e, _snapshot.Name);
            if (_snapshot.State == MachineState.Starting)
                EndLocked(exit with { Expected = false, Detail = $"the guest rebooted, and its next boot could not begin: {e.Message}" });
        }
    }

    private async Task ConfirmUnaskedAsync(SupervisedBoot boot)
    {
        try
        {
            await ConfirmAsync(boot);
        }
        catch (VmHostException e)
        {
            LogNotConfirmed(e, _snapshot.Name);   // the machine's state tells it too
        }
    }

    private async Task EndHaltedAsync(SupervisedBoot boot)
    {
        if (!await new GuestHaltDetector(_services.Time).WaitAsync(boot, Paths, Console))
            return;

        LogHalted(_snapshot.Name);
        _haltedBoot = boot;
        try
        {
            await _services.Ladder.KillAsync(boot);
        }
        catch (TimeoutException e)
        {
            LogHaltedAndStays(e, _snapshot.Name);
        }
    }

    private ExitSummary JudgeLocked(SupervisedBoot boot, BootEnd end)
    {
        var exit = BootJudge.Judge(end, _record!.Boot!, Paths, _killRequested, _services.Time.GetUtcNow());
        if (_hungBoot == boot && exit.Reason == ExitReason.Killed)
            return exit with { Reason = ExitReason.StartFailed, Expected = false, Detail = "the hypervisor hung: it neither answered nor did the guest write anything in 60 s, and it was killed" };

        return _haltedBoot == boot && exit.Reason == ExitReason.Killed
            ? exit with { Reason = ExitReason.Halt, Expected = true, Detail = "the guest halted its processors, with interrupts off, and QEMU was ended" }
            : exit;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine}: the guest reboots; boot {Boot} begins.")]
    private partial void LogRebooted(string machine, int boot);

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Machine}: the guest rebooted, and its next boot failed.")]
    private partial void LogNotRebooted(Exception e, string machine);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: a boot that nobody asked for failed.")]
    private partial void LogNotConfirmed(Exception e, string machine);

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine}: the guest halted; ending QEMU, which would stay.")]
    private partial void LogHalted(string machine);

    [LoggerMessage(Level = LogLevel.Error, Message = "Machine {Machine}: the guest halted, and QEMU does not go.")]
    private partial void LogHaltedAndStays(Exception e, string machine);
}
