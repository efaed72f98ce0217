using VmHost.Machines.Life;
using VmHost.Supervision;
using VmHost.Supervision.Qmp;

namespace VmHost.Machines.Effects;

/// <summary>
/// Tells a machine's loop when to ask QEMU's monitor again. Events only say that something changed; what it is now is asked for, so
/// that none can be misread. One is made for each connection to a shim, before the monitor is opened.
/// </summary>
internal sealed class MonitorWatch
{
    private readonly Action _changed;
    private int _isBegun;

    // Events and openings so far, and how many there were when the first question was asked; -1 before that.
    private int _changes;
    private int _seen = -1;
    private volatile bool _isReporting;

    /// <param name="boot">Its monitor is watched from now on.</param>
    /// <param name="changed">Called when something changed, once <see cref="KeepOpenAsync"/> runs; must neither wait nor throw.</param>
    internal MonitorWatch(SupervisedBoot boot, Action changed)
    {
        (Boot, _changed) = (boot, changed);
        boot.Monitor.Happened = name =>
        {
            if (name is "STOP" or "RESUME" or "GUEST_PANICKED")
                Change();
        };
        boot.Monitor.Opened = Change;
    }

    /// <summary>The boot.</summary>
    internal SupervisedBoot Boot { get; }

    /// <summary>Whether this is the first call: what is done once a connection asks for it.</summary>
    internal bool TryBegin() => Interlocked.Exchange(ref _isBegun, 1) == 0;

    /// <summary>Asks how the guest is: the question after which only changes are reported.</summary>
    /// <exception cref="IOException">The monitor cannot be reached, or its answer is not understood.</exception>
    internal async Task<GuestStatus> AskFirstAsync(CancellationToken ct)
    {
        await Boot.Monitor.OpenAsync(ct);
        var seen = Volatile.Read(ref _changes);
        var status = await Boot.Monitor.QueryAsync(ct);
        Volatile.Write(ref _seen, seen);
        return ToStatus(status);
    }

    /// <summary>Keeps the monitor open and reports changes until the boot's connection is closed.</summary>
    internal async Task KeepOpenAsync()
    {
        _isReporting = true;
        if (Volatile.Read(ref _changes) != Volatile.Read(ref _seen))
            _changed();

        using var stop = new CancellationTokenSource();
        var open = Boot.Monitor.KeepOpenAsync(stop.Token);
        await Task.WhenAny(open, Boot.Closed);
        await stop.CancelAsync();
        try
        {
            await open;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The boot is over, or its connection is.
        }
    }

    /// <summary>What QEMU's answer means for a machine.</summary>
    internal static GuestStatus ToStatus(QemuStatus status) =>
        status switch
        {
            { IsRunning: true } => new GuestStatus.Runs(),
            { IoError: { } error } => new GuestStatus.IoError(error.Disk, error.Text),
            _ => new GuestStatus.StandsStill(status.RunState),
        };

    private void Change()
    {
        Interlocked.Increment(ref _changes);
        if (_isReporting)
            _changed();
    }
}
