using System.Diagnostics;
using System.Runtime.InteropServices;

namespace VmHost.FakeHypervisor;

/// <summary>The machine as a whole: its monitor, its power button, its end.</summary>
internal sealed class FakeMachine
{
    /// <summary>The argument that makes this program the process which a hypervisor leaves behind.</summary>
    internal const string GrandchildArgument = "--grandchild";

    private static readonly TimeSpan GrandchildLife = TimeSpan.FromSeconds(15);

    // Never set: waiting on it is how a hypervisor that hangs spends its time.
    private static readonly ManualResetEventSlim Never = new(false);

    private readonly List<PosixSignalRegistration> _signals = [];
    private int _ended;

    internal QmpServer? Qmp { get; private set; }

    internal bool IgnoresSignals { get; set; }

    internal bool IgnoresPowerButton { get; set; }

    internal void Start(Arguments arguments)
    {
        foreach (var signal in new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGHUP })
            _signals.Add(PosixSignalRegistration.Create(signal, OnSignal));

        var script = arguments.Word("fake") ?? "";
        if (arguments.QmpSocket is { } path && !script.Split(';').Contains("noqmp", StringComparer.Ordinal))
        {
            Qmp = new QmpServer(path, arguments.QmpLog, OnCommand);
            Qmp.Serve();
        }
    }

    internal static void Wait(TimeSpan time) => Never.Wait(time);

    /// <summary>Ends the process, once: a second end that comes meanwhile waits for the first.</summary>
    internal void End(int code, bool guest = true, string? reason = null)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            Wait(Timeout.InfiniteTimeSpan);

        if (reason is not null)
            Qmp?.SendShutdown(guest, reason);

        Qmp?.Dispose();
        Native.Exit(code);
    }

    /// <summary>To stderr, but not by way of System.Console: that sends the terminal on fd 1 control sequences first.</summary>
    internal static void Say(string line) => _ = Native.Write(2, System.Text.Encoding.UTF8.GetBytes(line + "\n"));

    /// <summary>Returns once it is deaf to the hang-up that comes with the end of this process.</summary>
    internal static void StartGrandchild()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, GrandchildArgument) { RedirectStandardOutput = true, UseShellExecute = false };
        using var grandchild = Process.Start(start)!;
        grandchild.StandardOutput.ReadLine();
    }

    internal static int LiveAsGrandchild()
    {
        const int hangup = 1;
        Native.Ignore(hangup);
        _ = Native.Write(1, "deaf\n"u8);
        Never.Wait(GrandchildLife);
        return 0;
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        var number = context.Signal switch { PosixSignal.SIGTERM => 15, PosixSignal.SIGINT => 2, _ => 1 };

        // A hang-up means that the terminal is gone: nobody could see this machine any more.
        if (IgnoresSignals && context.Signal != PosixSignal.SIGHUP)
            return;

        Say($"qemu-system-x86_64: terminating on signal {number}");
        End(0, guest: false, "host-signal");
    }

    private void OnCommand(string command)
    {
        switch (command)
        {
            case "system_powerdown":
                Qmp!.SendEvent("POWERDOWN");
                if (!IgnoresPowerButton)
                    End(0, guest: true, "guest-shutdown");
                break;
            case "quit":
                End(0, guest: false, "host-qmp-quit");
                break;
            case "stop":
                Qmp!.SendEvent("STOP");
                break;
            case "cont":
                Qmp!.SendEvent("RESUME");
                break;
        }
    }
}
