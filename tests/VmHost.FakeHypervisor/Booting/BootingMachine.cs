using System.Diagnostics;
using System.Runtime.InteropServices;
using VmHost.FakeHypervisor.Bhyve;
using VmHost.FakeHypervisor.Guest;

namespace VmHost.FakeHypervisor.Booting;

/// <summary>
/// Boots what xhyve's or HyperKit's command line says, for real, in QEMU: the serial port is fd 0, signals do what they
/// do there, and the exit code is the one that xhyve or HyperKit would have had.
/// </summary>
internal sealed class BootingMachine(Face face, BhyveArguments arguments, bool hasConsole)
{
    private const string MonitorSocket = "stand-in.sock";   // in the working directory, which is the machine's own

    private static readonly TimeSpan HaltLook = TimeSpan.FromMilliseconds(500);

    // Its console is fd 0 both ways, which no option of QEMU says. It dies with this process, whatever that dies of.
    private static readonly string[] Wrapper = ["--pdeathsig", "KILL", "sh", "-c", "exec qemu-system-x86_64 \"$@\" >&0", "qemu"];

    private readonly List<PosixSignalRegistration> _signals = [];
    private volatile Monitor? _monitor;

    internal int Run()
    {
        foreach (var signal in new[] { Native.Terminate, Native.Interrupt, Native.Hangup, Native.Quit })
            On(signal, () => OnSignal(signal));
        if (face.PausesOnUserSignals)
        {
            On(Native.User1, () => _monitor?.Execute("stop"));
            On(Native.User2, () => _monitor?.Execute("cont"));
        }

        File.Delete(MonitorSocket);
        using var qemu = Start();
        _monitor = Monitor.Connect(MonitorSocket, () => qemu.HasExited);
        if (_monitor is not { } monitor)
        {
            FakeMachine.Say($"QEMU exited with {qemu.ExitCode}");
            return 1;
        }

        while (!qemu.WaitForExit(HaltLook))
        {
            if (!monitor.IsHalted())
                continue;

            monitor.Execute("quit");
            qemu.WaitForExit();
            return face.ExitCodeOf(GuestEnd.Halt);
        }

        monitor.Drain();
        File.Delete(MonitorSocket);
        return face.ExitCodeOf(monitor.Shutdown == "guest-shutdown" ? GuestEnd.PowerOff : GuestEnd.Reset);
    }

    private Process Start()
    {
        var start = new ProcessStartInfo("setpriv") { UseShellExecute = false };
        foreach (var word in Wrapper.Concat(QemuCommand.From(arguments, hasConsole, MonitorSocket)))
            start.ArgumentList.Add(word);

        return Process.Start(start)!;
    }

    // pm.c: until the guest switches ACPI on, SIGTERM has its default action; then it is the power button.
    private void OnSignal(int signal)
    {
        if (signal == Native.Terminate && _monitor is { } monitor && monitor.AcpiIsOn())
            monitor.Execute("system_powerdown");
        else
            Native.DieOf(signal);
    }

    private void On(int signal, Action action) =>
        _signals.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
        {
            context.Cancel = true;
            action();
        }));
}
