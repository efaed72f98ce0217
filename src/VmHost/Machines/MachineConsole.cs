using System.Globalization;
using VmHost.Consoles;
using VmHost.Consoles.Screen;
using VmHost.Hypervisors;
using VmHost.Machines.Effects;
using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>A machine's console: its output, and the right to send input.</summary>
public sealed class MachineConsole
{
    // More than the shim keeps in one of its two files.
    private const int MaxHypervisorLog = 512 << 10;

    private static readonly TimeSpan ContactPoll = TimeSpan.FromMilliseconds(50);

    private readonly ShimContact _contact;
    private readonly MachinePaths _paths;
    private readonly TimeProvider _time;
    private readonly Func<MachineSnapshot> _snapshot;

    /// <param name="feed">The journal's end.</param>
    /// <param name="contact">The shim's.</param>
    /// <param name="paths">The machine's.</param>
    /// <param name="time">The clock.</param>
    /// <param name="snapshot">The machine as it is now.</param>
    internal MachineConsole(ConsoleFeed feed, ShimContact contact, MachinePaths paths, TimeProvider time, Func<MachineSnapshot> snapshot)
    {
        (Feed, _contact, _paths, _time, _snapshot) = (feed, contact, paths, time, snapshot);
        Leases = new(time);
    }

    /// <summary>Where the journal ends, and whether it grows.</summary>
    public ConsoleFeed Feed { get; }

    /// <summary>Where the console output of the current or last boot begins; 0 when that is not known.</summary>
    public long BootBegin
    {
        get
        {
            if (_contact.Boot is { } boot)
                return boot.Run.ConsoleBegin;

            try
            {
                return RunRecord.Load(_paths.Directory).ConsoleBegin;
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                return 0;   // it never ran, or its records are damaged: all of its output is its last boot's
            }
        }
    }

    /// <summary>Who may send input.</summary>
    public InputLeases Leases { get; }

    /// <summary>Acquires the lease on the input, which lasts over the machine's boots, until it is released or taken.</summary>
    /// <param name="holder">Name of the caller, for people.</param>
    /// <param name="token">Identifies the caller when it comes back.</param>
    /// <param name="force">Take the input from its holder.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.Aborted"/>: another caller has it.</exception>
    public ConsoleInputLease Acquire(string holder, string token, bool force) =>
        Leases.TryAcquire(holder, token, force, out var lease) ? lease : throw Held(lease);

    /// <summary>Writes input that no lease covers.</summary>
    /// <param name="data">What a keyboard would send.</param>
    /// <param name="force">Write also if another caller has the lease.</param>
    /// <param name="ct">Gives up; a part may have been written.</param>
    /// <returns>The offset of the end of the output before the write.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: the machine does not run. <see cref="VmHostError.Aborted"/>: another caller
    /// has the lease.
    /// </exception>
    public async Task<long> WriteAsync(ReadOnlyMemory<byte> data, bool force, CancellationToken ct)
    {
        if (!force && Leases.Current.Lease is { } other)
            throw Held(other);

        // Past the machine's loop: a boot that ends meanwhile refuses the input itself.
        var boot = _contact.Boot ?? throw NotReached();

        // What the shim has written may not have been reported yet.
        var end = Feed.Current.State.End;
        if (Directory.Exists(_paths.Console))
            end = Math.Max(end, JournalReader.Bounds(_paths.Console).End);

        await boot.WriteConsoleAsync(data, ct);
        return end;
    }

    /// <summary>
    /// Writes the holder's input once, however often it is sent, and waits while the machine's shim cannot be reached. Discards it if
    /// the lease was taken, no hypervisor runs and none is being started, or the boot ended while it was being written.
    /// </summary>
    /// <param name="lease">The caller's.</param>
    /// <param name="offset">Number of bytes that the holder sent before.</param>
    /// <param name="data">What a keyboard would send.</param>
    /// <param name="ct">Gives up; a part may have been written.</param>
    public async Task WriteAsync(ConsoleInputLease lease, long offset, ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        int? tried = null;
        while (Leases.Current.Lease == lease)
        {
            try
            {
                if (_contact.Boot is { } boot)
                {
                    // A part may have reached the boot before, for which it was meant.
                    if (tried is { } earlier && earlier != boot.Run.Boot)
                        return;

                    tried = boot.Run.Boot;
                    await boot.WriteConsoleAsync(data, new InputAt(lease.Session, offset), ct);
                    return;
                }
            }
            catch (VmHostException e) when (e.Error == VmHostError.FailedPrecondition)
            {
                // The boot ended, or the connection to its shim did; a new connection continues where this one ended.
            }

            if (_snapshot() is { IsBeingExamined: false, State: var state } && (state.IsAtRest() || state == MachineState.Backoff))
                return;

            await Task.Delay(ContactPoll, _time, ct);
        }
    }

    /// <summary>Sets the size of the terminal of this boot and of later ones.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: a size out of range. <see cref="VmHostError.Aborted"/>: another caller has
    /// the lease on the input.
    /// </exception>
    /// <param name="size">The size.</param>
    /// <param name="lease">The caller's; null for none.</param>
    /// <param name="ct">Gives up.</param>
    public async Task ResizeAsync(ConsoleSize size, ConsoleInputLease? lease, CancellationToken ct)
    {
        size.ThrowIfOutOfRange();
        if (Leases.Current.Lease is { } other && other != lease)
            throw Held(other);

        _contact.ConsoleSize = size;
        if (_contact.Boot is { } boot)
            await boot.ResizeConsoleAsync(size, ct);
    }

    /// <summary>The first output that matches.</summary>
    /// <param name="search">What to look for.</param>
    /// <param name="offset">Where to begin; null: with the current or last boot.</param>
    /// <param name="waits">Also for what is not written yet.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: nothing matched, and the machine does not run or is not waited for.
    /// </exception>
    public async Task<ConsoleMatch> ExpectAsync(ConsoleSearch search, long? offset, bool waits, CancellationToken ct)
    {
        var begin = offset ?? BootBegin;
        return await search.FindAsync(Feed, begin, waits, _time, ct)
            ?? throw new VmHostException(VmHostError.FailedPrecondition, $"{(waits ? $"machine {_snapshot().Name} does not run, and nothing" : "nothing")} that it wrote from offset {begin} on matches") { Reason = ErrorReason.ConsoleNoMatch };
    }

    /// <summary>What a terminal would show of the current or last boot.</summary>
    /// <param name="columns">Null: as the terminal was set last, else 80.</param>
    /// <param name="rows">Null: as the terminal was set last, else 24.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: a size out of range. <see cref="VmHostError.DataLoss"/>: the journal cannot
    /// be read.
    /// </exception>
    /// <returns>The screen, and the offset after the output that it shows.</returns>
    public (ConsoleScreen Screen, long End) RenderScreen(int? columns, int? rows)
    {
        var set = _contact.ConsoleSize ?? ConsoleSize.Default;
        var size = new ConsoleSize(columns ?? set.Columns, rows ?? set.Rows);
        size.ThrowIfOutOfRange();
        var screen = new ConsoleScreen(size.Columns, size.Rows);
        try
        {
            if (!Directory.Exists(_paths.Console))
                return (screen, 0);

            var end = JournalReader.Bounds(_paths.Console).End;
            screen.Show(_paths.Console, Math.Min(BootBegin, end), end);
            return (screen, end);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmHostException(VmHostError.DataLoss, $"the console journal cannot be read: {e.Message}");
        }
    }

    /// <summary>The messages of the hypervisor itself in the current or last boot; empty where they cannot be read.</summary>
    public byte[] ReadHypervisorLog() =>
        [.. ExitClassifier.Tail(_paths.OlderHypervisorLog, MaxHypervisorLog), .. ExitClassifier.Tail(_paths.HypervisorLog, MaxHypervisorLog)];

    private VmHostException NotReached()
    {
        var (state, name) = (_snapshot().State, _snapshot().Name);
        var runs = !state.IsAtRest() && state is not (MachineState.Backoff or MachineState.Starting);
        return new(VmHostError.FailedPrecondition, runs
            ? $"the shim of machine {name} cannot be reached now; try again, and look at its state with: vmctl inspect {name}"
            : $"machine {name} does not run; start it with: vmctl start {name}")
        {
            Reason = runs ? ErrorReason.ShimUnreachable : ErrorReason.MachineNotRunning,
            Metadata = ErrorMetadata.Of(("machine", name)),
        };
    }

    private VmHostException Held(ConsoleInputLease other) =>
        new(VmHostError.Aborted, string.Create(CultureInfo.InvariantCulture, $"{other.Holder} types at the console of {_snapshot().Name} since {other.Since:yyyy-MM-dd HH:mm:ss} UTC"))
        {
            Reason = ErrorReason.ConsoleWriterConflict,
            Metadata = ErrorMetadata.Of(("holder", other.Holder), ("machine", _snapshot().Name)),
        };
}
