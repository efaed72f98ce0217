using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using VmHost.Posix;

namespace VmHost.Supervision;

/// <summary>
/// Collects the shims that this process started once they end, so that none stays behind as a zombie. How a machine
/// ended is in its exit.json, not here.
/// </summary>
public sealed class ShimReaper : IDisposable
{
    private readonly ConcurrentDictionary<int, bool> _running = new();
    private readonly PosixSignalRegistration _registration;

    /// <summary>Begins to listen for ended children.</summary>
    public ShimReaper() => _registration = PosixSignalRegistration.Create(PosixSignal.SIGCHLD, _ => CollectEnded());

    internal void Watch(int pid)
    {
        _running[pid] = true;

        // Its signal may have come before it was known here.
        Collect(pid);
    }

    /// <summary>Stops listening. Shims that run go on.</summary>
    public void Dispose() => _registration.Dispose();

    private void CollectEnded()
    {
        foreach (var pid in _running.Keys)
            Collect(pid);
    }

    private void Collect(int pid)
    {
        try
        {
            if (ChildProcess.TryCollect(pid) is not null)
                _running.TryRemove(pid, out _);
        }
        catch (PosixException)
        {
            // Collected by the other one of two signals at the same time.
            _running.TryRemove(pid, out _);
        }
    }
}
