using VmHost.Posix;
using VmHost.ShimContract.Records;

namespace VmHost.Shim;

/// <summary>The hypervisor: started in a session of its own, with the terminal as its controlling one, and collected.</summary>
internal sealed class HypervisorProcess
{
    private const int Lock = 3;

    private ChildExit _exit;
    private volatile bool _ended;

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
    /// <exception cref="PosixException">It cannot be started.</exception>
    internal static HypervisorProcess Start(LaunchRecord launch, string slavePath, int messages)
    {
        if (ExecStep.IsUsed)
            return new HypervisorProcess(ExecStep.Start(launch, slavePath, messages, given: [Lock]));

        using var spawn = new ProcessSpawn();
        spawn.Open(0, slavePath, Descriptor.ReadWrite);
        spawn.Give(launch.ConsoleOnStandardOutput ? 0 : messages, 1);
        spawn.Give(messages, 2);

        // Whoever holds the lock is alive: it stays taken until the hypervisor is gone too.
        spawn.Give(Lock, Lock);
        return new HypervisorProcess(spawn.Start(launch.Executable, launch.Arguments, firstClosed: Lock + 1));
    }

    /// <summary>Waits for its end in a thread of its own, then wakes.</summary>
    internal void Watch(WakePipe wake)
    {
        var thread = new Thread(
            () =>
            {
                _exit = ChildProcess.Wait(Pid);
                _ended = true;
                wake.Wake();
            },
            maxStackSize: 128 << 10)
        {
            Name = "wait",
            IsBackground = true,
        };
        thread.Start();
    }
}
