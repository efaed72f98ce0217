using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Shim;

/// <summary>The hypervisor: started in a session of its own, with the terminal as its controlling one, and collected.</summary>
internal sealed class HypervisorProcess
{
    private const int Lock = 3;

    // A signal and the collection of the process exclude each other: once collected, its number may be another process's.
    private readonly Lock _signalling = new();

    private ChildExit _exit;
    private volatile bool _ended;
    private bool _isCollectable;

    private HypervisorProcess(int pid) => Pid = pid;

    internal int Pid { get; }

    /// <summary>Set once <see cref="Ended"/> is.</summary>
    internal ChildExit Exit => _exit;

    internal bool Ended => _ended;

    /// <summary>Starts it.</summary>
    /// <param name="launch">What to run.</param>
    /// <param name="slavePath">
    /// Opened by the hypervisor itself, as its controlling terminal: if this process is killed, the terminal hangs up
    /// and the hypervisor ends too, instead of living on with a dead console.
    /// </param>
    /// <param name="messages">The pipe for what it says.</param>
    /// <param name="monitor">Its end of the monitor's socketpair; -1 for a hypervisor without one.</param>
    /// <exception cref="PosixException">It cannot be started.</exception>
    internal static HypervisorProcess Start(LaunchRecord launch, string slavePath, int messages, int monitor)
    {
        if (ExecStep.IsUsed)
            return new HypervisorProcess(ExecStep.Start(launch, slavePath, messages, given: monitor >= 0 ? [Lock, monitor] : [Lock]));

        using var spawn = new ProcessSpawn();
        spawn.Open(0, slavePath, Descriptor.ReadWrite);
        spawn.Give(launch.ConsoleOnStandardOutput ? 0 : messages, 1);
        spawn.Give(messages, 2);

        // Whoever holds the lock is alive: it stays taken until the hypervisor is gone too.
        spawn.Give(Lock, Lock);
        if (monitor >= 0)
            spawn.Give(monitor, LaunchRecord.MonitorNumber);

        var firstClosed = monitor >= 0 ? LaunchRecord.MonitorNumber + 1 : Lock + 1;
        return new HypervisorProcess(spawn.Start(launch.Executable, launch.Arguments, firstClosed));
    }

    /// <summary>Signals the hypervisor; does nothing once it has ended.</summary>
    /// <exception cref="PosixException">It may not be signalled, or there is no such signal.</exception>
    internal void Signal(int signal)
    {
        lock (_signalling)
        {
            if (!_isCollectable)
                Signals.Send(Pid, signal);
        }
    }

    /// <summary>Waits for its end in a thread of its own, then wakes.</summary>
    internal void Watch(WakePipe wake)
    {
        var thread = new Thread(
            () =>
            {
                Collect();
                wake.Wake();
            },
            maxStackSize: 128 << 10)
        {
            Name = "wait",
            IsBackground = true,
        };
        thread.Start();
    }

    /// <summary>Ends it, before anything watches it.</summary>
    internal void Kill()
    {
        Signal(Signals.Kill);
        Collect();
    }

    private void Collect()
    {
        ChildWatch.WaitForEnd(Pid);
        lock (_signalling)
            _isCollectable = true;

        _exit = ChildProcess.Wait(Pid);
        _ended = true;
    }
}
