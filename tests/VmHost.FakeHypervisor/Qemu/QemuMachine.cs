using System.Runtime.InteropServices;
using VmHost.FakeHypervisor.Guest;

namespace VmHost.FakeHypervisor.Qemu;

/// <summary>QEMU: exits with 0 whatever happened, and tells through its monitor what did.</summary>
internal sealed class QemuMachine : FakeMachine
{
    private readonly PosixSignalRegistration[] _signals;
    private readonly QmpServer? _qmp;

    internal QemuMachine(QemuArguments arguments, bool hasMonitor)
    {
        _signals = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP }.Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];
        if (arguments.QmpSocket is not { } path || !hasMonitor)
            return;

        _qmp = new QmpServer(path, arguments.QmpLog, OnCommand);
        _qmp.Serve();
    }

    // It is always on: the power button is told by the monitor, and what the guest makes of it is the guest's affair.
    internal override void EnableAcpi()
    {
    }

    internal override void Announce(string reason) =>
        _qmp?.SendShutdown(reason.StartsWith("guest", StringComparison.Ordinal), reason);

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

    public override void Dispose()
    {
        _qmp?.Dispose();
        base.Dispose();
    }

    private void Exit(int code, string reason) =>
        Exit(code, () =>
        {
            Announce(reason);
            _qmp?.Dispose();
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

    private void OnCommand(string command)
    {
        switch (command)
        {
            case "system_powerdown":
                _qmp!.SendEvent("POWERDOWN");
                if (!IgnoresPowerButton)
                    End(GuestEnd.PowerOff);
                break;
            case "quit":
                Exit(0, "host-qmp-quit");
                break;
            case "stop":
                Pause();
                _qmp!.SendEvent("STOP");
                break;
            case "cont":
                Resume();
                _qmp!.SendEvent("RESUME");
                break;
        }
    }
}
