using VmHost.Posix;

namespace VmHost.Shim;

/// <summary>The signals that the shim takes. A thread waits for them, and every other thread has them blocked.</summary>
internal static class ShimSignals
{
    /// <summary>
    /// Whether SIGUSR1 can be sent to this process. A daemon that blocks it before the start says so; where it is not
    /// blocked, a thread of the runtime would be hit by it, and the process ended.
    /// </summary>
    internal static bool TakesUser1 { get; } = Signals.IsBlockedInThisThread(Signals.User1);

    /// <summary>Blocks them, in the first thread and before it starts another one.</summary>
    internal static void Block()
    {
        _ = TakesUser1;
        Signals.BlockInThisThread(Signals.Terminate);
    }

    /// <summary>
    /// Begins to take them. SIGTERM means: end the machine. The hypervisor takes it as it does (xhyve and HyperKit press the
    /// power button, QEMU ends at once) and everything that follows an end follows. SIGUSR1 means: make the control socket again.
    /// </summary>
    internal static void Take(HypervisorProcess hypervisor, ControlServer server)
    {
        var thread = new Thread(
            () =>
            {
                while (!hypervisor.Ended)
                    TakeOne(hypervisor, server);
            },
            maxStackSize: 128 << 10)
        {
            Name = "signals",
            IsBackground = true,
        };
        thread.Start();
    }

    private static void TakeOne(HypervisorProcess hypervisor, ControlServer server)
    {
        // SIGUSR1 where it is not blocked ends the process before this sees it.
        if (Signals.WaitFor(Signals.Terminate, Signals.User1) == Signals.Terminate)
            hypervisor.Signal(Signals.Terminate);
        else
            server.RecoverSocket();
    }
}
