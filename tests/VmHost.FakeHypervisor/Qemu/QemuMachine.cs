using System.Runtime.InteropServices;
using VmHost.FakeHypervisor.Guest;

namespace VmHost.FakeHypervisor.Qemu;

/// <summary>QEMU: exits with 0 whatever happened, and tells through its monitors what did.</summary>
internal sealed class QemuMachine : FakeMachine
{
    // As long as QEMU's answer.
    private static readonly string LongText = '"' + new string('x', 190 << 10) + '"';

    private readonly PosixSignalRegistration[] _signals;
    private readonly QmpMonitors? _monitors;

    // Guards the state, which is replaced whole, together with the event that tells the change.
    private readonly Lock _lock = new();
    private QemuState _state = QemuState.Running;

    internal QemuMachine(QemuArguments arguments, bool hasMonitor)
    {
        _signals = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP }.Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];
        if (hasMonitor)
            _monitors = new QmpMonitors(arguments, Execute);
    }

    // It is always on: the power button is told by the monitor, and what the guest makes of it is the guest's affair.
    internal override void EnableAcpi()
    {
    }

    internal override void Announce(string reason) =>
        _monitors?.SendEvent("SHUTDOWN", $$"""{"guest": {{(reason.StartsWith("guest", StringComparison.Ordinal) ? "true" : "false")}}, "reason": "{{reason}}"}""");

    internal override void End(GuestEnd end)
    {
        switch (end)
        {
            case GuestEnd.PowerOff:
                Exit(0, "guest-shutdown");
                break;
            case GuestEnd.Halt:
                Wait(Timeout.InfiniteTimeSpan);   // QEMU stays
                break;
            default:
                Exit(0, "guest-reset");
                break;
        }
    }

    internal override void StopByItself()
    {
        StopAs(QemuState.Paused);
        WaitWhilePaused();
    }

    internal override void FailDisk(string disk, bool isFull)
    {
        var reason = isFull ? "No space left on device" : "Input/output error";
        _monitors?.SendEvent("BLOCK_IO_ERROR", $$"""{"device": "{{disk}}", "nospace": {{(isFull ? "true" : "false")}}, "node-name": "#block100", "reason": "{{reason}}", "operation": "write", "action": "stop"}""");
        StopAs(QemuState.IoError(disk, isFull));
        WaitWhilePaused();
    }

    internal override void ResetInPlace() => _monitors?.SendEvent("RESET", """{"guest": true, "reason": "guest-reset"}""");

    internal override void Chatter(long count)
    {
        for (var i = 0L; i < count; i++)
            _monitors?.SendEvent("RTC_CHANGE", """{"offset": 0, "qom-path": "/machine/unattached/device[6]/rtc"}""");
    }

    internal override void Panic()
    {
        _monitors?.SendEvent("GUEST_PANICKED", """{"action": "pause"}""");
        StopAs(QemuState.Panicked);
        _monitors?.SendEvent("GUEST_PANICKED", """{"action": "poweroff"}""");
        Exit(0, "guest-panic");
    }

    public override void Dispose()
    {
        _monitors?.Dispose();
        base.Dispose();
    }

    private void Exit(int code, string reason) =>
        Exit(code, () =>
        {
            Announce(reason);
            _monitors?.Dispose();
        });

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        var number = context.Signal switch { PosixSignal.SIGTERM => Native.Terminate, PosixSignal.SIGINT => Native.Interrupt, _ => Native.Hangup };

        // A hang-up means that the terminal is gone: nobody could see this machine any more.
        if (IgnoresSignals && number != Native.Hangup)
            return;

        Say($"qemu-system-x86_64: terminating on signal {number}");
        Exit(0, "host-signal");
    }

    // As in QEMU, STOP and RESUME come before the command's own answer.
    private QmpResult Execute(string command)
    {
        switch (command)
        {
            case "query-status":
                return new(State.Status);
            case "query-block":
                return new(State.Blocks);
            case "human-monitor-command":
                return new("\"\"");
            case "query-qmp-schema":
                return new(LongText);
            case "system_powerdown":
                return new("{}", PressPowerButton);
            case "system_reset":
                return new("{}", () => Exit(0, "host-qmp-system-reset"));
            case "quit":
                return new("{}", () => Exit(0, "host-qmp-quit"));
            case "stop":
                StopAs(QemuState.Paused);
                return new("{}");
            case "cont":
                Continue();
                return new("{}");
            default:
                return default;
        }
    }

    private QemuState State
    {
        get
        {
            lock (_lock)
                return _state;
        }
    }

    // One that is stopped already stays as it is, and tells nothing.
    private void StopAs(QemuState state)
    {
        lock (_lock)
        {
            if (_state != QemuState.Running)
                return;

            Pause();
            _state = state;
            _monitors?.SendEvent("STOP");
        }
    }

    private void Continue()
    {
        lock (_lock)
        {
            if (_state == QemuState.Running)
                return;

            _state = QemuState.Running;
            _monitors?.SendEvent("RESUME");
            Resume();
        }
    }

    private void PressPowerButton()
    {
        _monitors?.SendEvent("POWERDOWN");

        // A guest whose processors stand still sees no power button.
        if (!IgnoresPowerButton && State == QemuState.Running)
            End(GuestEnd.PowerOff);
    }
}
