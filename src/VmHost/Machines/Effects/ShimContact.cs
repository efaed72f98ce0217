using Microsoft.Extensions.Logging;
using VmHost.Consoles;
using VmHost.Hypervisors;
using VmHost.Machines.Life;
using VmHost.Posix;
using VmHost.Specs;
using VmHost.State;
using VmHost.Supervision;

namespace VmHost.Machines.Effects;

/// <summary>
/// The connection to the shim of a machine's boot, and what is done over it. <see cref="ExamineAsync"/> makes it, also when an
/// earlier one broke; it is the one place that finds out what became of a boot.
/// </summary>
/// <param name="id">The machine's.</param>
/// <param name="paths">The machine's.</param>
/// <param name="console">Notified how the journal grows.</param>
/// <param name="services">What it uses.</param>
internal sealed partial class ShimContact(string id, MachinePaths paths, ConsoleFeed console, MachineServices services)
{
    private static readonly TimeSpan ExamineLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ExamineEvery = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan StatusLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PressLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan PauseLimit = TimeSpan.FromSeconds(10);

    private readonly ILogger _logger = services.Log;
    private readonly BootExaminer _examiner = new(id, paths, console, services.Time);

    // One examination at a time; a second one finds what the first has made.
    private readonly SerialWork _examinations = new(services.Background);
    private MonitorWatch? _watch;
    private ConsoleSize? _consoleSize;

    /// <summary>The boot whose shim is connected, or was last; null for none.</summary>
    internal SupervisedBoot? Boot => Watch?.Boot;

    /// <summary>The size of the console's terminal, for this boot and later ones; null while no client has set one.</summary>
    internal ConsoleSize? ConsoleSize
    {
        get => Volatile.Read(ref _consoleSize);
        set => Volatile.Write(ref _consoleSize, value);
    }

    private MonitorWatch? Watch => Volatile.Read(ref _watch) is { Boot.Closed.IsCompleted: false } watch ? watch : null;

    /// <summary>Finds out what became of a boot, and connects to its shim if that answers.</summary>
    internal Task ExamineAsync(BootRecord record, bool askGuest, MachineLoop loop) =>
        _examinations.Enqueue(
            nameof(ExamineAsync),
            () => ExamineInTurnAsync(record, askGuest, loop),
            e => loop.Post(new MachineEvent.BootSilent(record.Number, $"internal: {e.Message}")));

    /// <summary>Posts the first sign that the hypervisor runs the guest; nothing where the connection breaks before.</summary>
    internal async Task WatchForReadinessAsync(LiveBoot live, MachineLoop loop)
    {
        if (Boot is { } boot && boot.Run.Boot == live.Number && await new BootReadiness(services.Time).WaitAsync(boot, live.Control, console))
            loop.Post(new MachineEvent.GuestReady(live.Number));
    }

    /// <summary>Watches the guest for as long as this connection lasts.</summary>
    internal async Task WatchGuestAsync(LiveBoot live, MachineLoop loop)
    {
        // What follows is done once a connection, however often it is asked for.
        if (Watch is not { } watch || live.Control != ControlChannel.Qmp || !watch.TryBegin())
            return;

        // Without its watch the connection is of no use: a new one is made, with a new watch.
        var boot = watch.Boot;
        services.Background.Run("monitor", watch.KeepOpenAsync, _ => services.Background.Run("shim", () => boot.DisposeAsync().AsTask()));
        if (await new GuestHaltDetector(services.Time).WaitAsync(boot, paths, console))
            loop.Post(new MachineEvent.GuestHalted(live.Number));
    }

    /// <summary>Asks the hypervisor how its guest is.</summary>
    internal async Task ReadStatusAsync(LiveBoot live, MachineLoop loop)
    {
        try
        {
            using var limit = new CancellationTokenSource(StatusLimit, services.Time);
            var status = await BootOf(live).Monitor.QueryAsync(limit.Token);
            loop.Post(new MachineEvent.StatusRead(live.Number, MonitorWatch.ToStatus(status)));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            loop.Post(new MachineEvent.StatusUnread(live.Number, e.Message));
        }
    }

    /// <summary>Asks the hypervisor for something.</summary>
    internal async Task ControlAsync(MachineEffect.Control control, MachineLoop loop)
    {
        var live = control.Boot;
        var isPause = control.Action is ControlAction.Pause or ControlAction.Resume;
        using var limit = new CancellationTokenSource(isPause ? PauseLimit : PressLimit, services.Time);
        try
        {
            var boot = BootOf(live);
            var guest = new GuestControl(boot, live.Control, paths);
            await (control.Action switch
            {
                ControlAction.PressPowerButton => guest.PressPowerButtonAsync(limit.Token),
                ControlAction.Pause => guest.PauseAsync(limit.Token),
                ControlAction.Resume => guest.ResumeAsync(limit.Token),

                // What a keyboard sends for Enter.
                _ => boot.WriteConsoleAsync(System.Text.Encoding.UTF8.GetBytes(control.Line + "\r"), limit.Token),
            });
            loop.Post(new MachineEvent.ControlDone(live.Number, control.Action));
        }
        catch (OperationCanceledException)
        {
            loop.Post(new MachineEvent.ControlFailed(live.Number, control.Action, $"no answer in {(isPause ? PauseLimit : PressLimit).TotalSeconds:0} s; perhaps its shim (process {live.ShimPid}) hangs"));
        }
        catch (Exception e) when (e is IOException or VmHostException)
        {
            loop.Post(new MachineEvent.ControlFailed(live.Number, control.Action, e.Message));
        }
    }

    /// <summary>Sends SIGKILL to the hypervisor: by its shim, which cannot hit another process, or else by a proof of its own.</summary>
    internal async Task KillAsync(BootRecord record, MachineLoop loop)
    {
        if (Boot is null)
            await Task.WhenAny(ExamineAsync(record, askGuest: false, loop), Task.Delay(PressLimit, services.Time, CancellationToken.None));

        using var limit = new CancellationTokenSource(PressLimit, services.Time);

        if (Boot is { } boot && boot.Run.Boot == record.Number)
        {
            try
            {
                await boot.SignalAsync(Signals.Kill, limit.Token);
                loop.Post(new MachineEvent.KillSent(record.Number, ShimAnswers: true));
                return;
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The shim is gone, or hangs.
            }
        }

        // A hypervisor that has ended already, and that a hung shim does not collect, can be signalled no more: then it is the shim that is in the way.
        var killed = ProcessKiller.KillHypervisor(record, paths, loop.Snapshot.Name);
        loop.Post(killed is MachineEvent.KillFailed ? ProcessKiller.KillBoth(record, paths, loop.Snapshot.Name) : killed);
    }

    /// <summary>Sends SIGKILL to hypervisor and shim.</summary>
    internal Task KillBothAsync(BootRecord record, MachineLoop loop)
    {
        loop.Post(ProcessKiller.KillBoth(record, paths, loop.Snapshot.Name));
        return Task.CompletedTask;
    }

    /// <summary>Throws while a process of the machine lives, or may live.</summary>
    /// <exception cref="VmHostException"><see cref="VmHostError.FailedPrecondition"/>: one does.</exception>
    /// <exception cref="IOException">Whether one does cannot be found out now.</exception>
    internal void ThrowIfAlive(string machine)
    {
        if (FileLock.IsHeld(paths.Lock))
            throw new VmHostException(VmHostError.FailedPrecondition, $"a process of machine {machine} still runs; end it first with: vmctl kill {machine}") { Reason = ErrorReason.MachineRunning };
    }

    private SupervisedBoot BootOf(LiveBoot live) =>
        Boot is { } boot && boot.Run.Boot == live.Number ? boot : throw new IOException($"the connection to its shim (process {live.ShimPid}) is closed");

    private async Task ExamineInTurnAsync(BootRecord record, bool askGuest, MachineLoop loop)
    {
        var watch = Watch;
        if (watch?.Boot.Run.Nonce != record.Nonce)
        {
            await DisposeOldAsync();
            var (contact, end) = await _examiner.ExamineAsync(record, ExamineLimit, ExamineEvery);
            switch (contact)
            {
                case BootContact.Made made:
                    watch = Adopt(made.Boot, loop);
                    break;
                case BootContact.Ended:
                    loop.Post(new MachineEvent.BootEnded(record.Number, ExitClassifier.Classify(end!, record, paths, services.Time.GetUtcNow())));
                    return;
                case BootContact.Foreign foreign:
                    loop.Post(new MachineEvent.BootSilent(record.Number, foreign.Reason));
                    return;
                case BootContact.Unreachable unreachable:
                    loop.Post(new MachineEvent.BootSilent(record.Number, $"shim-silent: a process of it runs and its shim does not answer: {unreachable.Reason}"));
                    return;
                case BootContact.Unexamined unexamined:
                    loop.Post(new MachineEvent.BootSilent(record.Number, $"its files cannot be examined: {unexamined.Reason}"));
                    return;
                default:
                    throw new InvalidOperationException("no such contact");
            }
        }

        var control = HypervisorCatalog.Get(record.Hypervisor).Control;
        var live = new LiveBoot(record.Number, control, watch.Boot.Run.ShimPid, watch.Boot.Run.HypervisorPid);
        var status = askGuest && control == ControlChannel.Qmp ? await TryAskAsync(watch) : null;
        LogReached(loop.Snapshot.Name, live.HypervisorPid);
        loop.Post(new MachineEvent.BootFound(record.Number, live, status));
    }

    // Watched from the first moment: a connection that is not would never be missed.
    private MonitorWatch Adopt(SupervisedBoot boot, MachineLoop loop)
    {
        var watch = new MonitorWatch(boot, () => loop.Post(new MachineEvent.MonitorChanged(boot.Run.Boot)));
        Volatile.Write(ref _watch, watch);
        services.Background.Run("shim", () => WatchConnectionAsync(boot, loop));
        console.BeginBoot(new(boot.Run.Boot, boot.Run.ConsoleBegin));
        services.Background.Run("console size", () => ResizeAsync(boot, loop));
        return watch;
    }

    private static async Task WatchConnectionAsync(SupervisedBoot boot, MachineLoop loop)
    {
        await boot.Closed;
        loop.Post(new MachineEvent.ContactLost(boot.Run.Boot));
        await boot.DisposeAsync();
    }

    private async Task DisposeOldAsync()
    {
        if (Interlocked.Exchange(ref _watch, null) is { } old)
            await old.Boot.DisposeAsync();
    }

    // A size is a convenience: a shim that does not take it now keeps the machine from nothing.
    private async Task ResizeAsync(SupervisedBoot boot, MachineLoop loop)
    {
        try
        {
            using var limit = new CancellationTokenSource(PressLimit, services.Time);
            if (ConsoleSize is { } size)
                await boot.ResizeConsoleAsync(size, limit.Token);
        }
        catch (Exception e) when (e is VmHostException or OperationCanceledException)
        {
            LogNoSize(e, loop.Snapshot.Name);
        }
    }

    private async Task<GuestStatus?> TryAskAsync(MonitorWatch watch)
    {
        try
        {
            using var limit = new CancellationTokenSource(StatusLimit, services.Time);
            return await watch.AskFirstAsync(limit.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            return null;   // read again later
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Machine {Machine}: its shim is connected; the hypervisor is process {ProcessId}.")]
    private partial void LogReached(string machine, int processId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: the size of its console could not be set.")]
    private partial void LogNoSize(Exception e, string machine);
}
