using System.Diagnostics;
using System.Text;
using VmHost.FakeHypervisor.Guest;

namespace VmHost.FakeHypervisor;

/// <summary>The machine as its guest sees it: a power button, an end. What the host sees is each hypervisor's own.</summary>
internal abstract class FakeMachine : IDisposable
{
    /// <summary>The argument that makes this program the process which a hypervisor leaves behind.</summary>
    internal const string GrandchildArgument = "--grandchild";

    private static readonly TimeSpan GrandchildLife = TimeSpan.FromSeconds(15);

    // Never set: waiting on it is how a hypervisor that hangs spends its time.
    private static readonly ManualResetEventSlim Never = new(false);

    // A terminal that takes nothing would hold up the end for ever.
    private static readonly TimeSpan LastWriteLimit = TimeSpan.FromSeconds(1);

    private readonly ManualResetEventSlim _running = new(true);
    private int _ended;

    /// <summary>Held while the console and its oracle are written.</summary>
    internal Lock Writing { get; } = new();

    internal bool IgnoresSignals { get; set; }

    internal bool IgnoresPowerButton { get; set; }

    internal static void Wait(TimeSpan time) => Never.Wait(time);

    /// <summary>To stderr, but not by way of System.Console: that sends the terminal on fd 1 control sequences first.</summary>
    internal static void Say(string line) => _ = Native.Write(2, Encoding.UTF8.GetBytes(line + "\n"));

    /// <summary>Returns once it is deaf to the hang-up that comes with the end of this process.</summary>
    internal static void StartGrandchild()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, GrandchildArgument) { RedirectStandardOutput = true, UseShellExecute = false };
        using var grandchild = Process.Start(start)!;
        grandchild.StandardOutput.ReadLine();
    }

    internal static int LiveAsGrandchild()
    {
        Native.Ignore(Native.Hangup);
        _ = Native.Write(1, "deaf\n"u8);
        Never.Wait(GrandchildLife);
        return 0;
    }

    /// <summary>The guest wrote to the port that switches ACPI on.</summary>
    internal abstract void EnableAcpi();

    /// <summary>Tells that the guest is about to end, where the hypervisor has a way to.</summary>
    internal abstract void Announce(string reason);

    /// <summary>The guest ended its boot; does not return.</summary>
    internal abstract void End(GuestEnd end);

    /// <summary>The processors stop, though VmHost did not ask for it; returns when they run again.</summary>
    internal virtual void StopByItself() => throw OnlyInQemu();

    /// <summary>The host's disk fails under the guest, which stops; returns when it runs again.</summary>
    internal virtual void FailDisk(string disk, bool isFull) => throw OnlyInQemu();

    /// <summary>The guest resets, and the process stays.</summary>
    internal virtual void ResetInPlace() => throw OnlyInQemu();

    /// <summary>The monitor tells so many events.</summary>
    internal virtual void Chatter(long count) => throw OnlyInQemu();

    /// <summary>The guest reports a panic by its device for that; does not return.</summary>
    internal virtual void Panic() => throw OnlyInQemu();

    /// <summary>Ends the process, once: a second end that comes meanwhile waits for the first.</summary>
    internal void Exit(int code, Action? before = null)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            Wait(Timeout.InfiniteTimeSpan);

        // What the oracle was told of has then been written.
        Writing.TryEnter(LastWriteLimit);
        before?.Invoke();
        Native.Exit(code);
    }

    public virtual void Dispose() => _running.Dispose();

    internal void Pause() => _running.Reset();

    internal void Resume() => _running.Set();

    private static FormatException OnlyInQemu() => new("fakehv: only QEMU tells that");

    /// <summary>The guest's processors stand still while the machine is paused.</summary>
    internal void WaitWhilePaused() => _running.Wait();
}
