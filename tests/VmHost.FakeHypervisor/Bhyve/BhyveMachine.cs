using System.Runtime.InteropServices;
using VmHost.FakeHypervisor.Guest;

namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>A scripted guest in xhyve or HyperKit: signals are the only way to talk to it, its exit code the only answer.</summary>
internal sealed class BhyveMachine : FakeMachine
{
    private readonly Face _face;
    private readonly bool _hasAcpi;
    private readonly List<PosixSignalRegistration> _signals = [];
    private volatile bool _acpiIsOn;

    internal BhyveMachine(Face face, BhyveArguments arguments)
    {
        (_face, _hasAcpi) = (face, arguments.HasAcpi);
        foreach (var signal in new[] { Native.Terminate, Native.Interrupt, Native.Hangup, Native.Quit })
            On(signal, () => OnSignal(signal));
        if (!face.PausesOnUserSignals)
            return;

        On(Native.User1, Pause);
        On(Native.User2, Resume);
    }

    internal override void EnableAcpi() => _acpiIsOn = _hasAcpi;

    // They have no monitor.
    internal override void Announce(string reason)
    {
    }

    internal override void End(GuestEnd end) => Exit(_face.ExitCodeOf(end));

    // pm.c: until the guest switches ACPI on, SIGTERM has its default action; then it is the power button.
    private void OnSignal(int signal)
    {
        if (signal != Native.Terminate || !_acpiIsOn)
            Native.DieOf(signal);
        else if (!IgnoresPowerButton)
            End(GuestEnd.PowerOff);
    }

    private void On(int signal, Action action) =>
        _signals.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
        {
            context.Cancel = true;
            action();
        }));
}
