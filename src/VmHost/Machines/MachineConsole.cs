using System.Globalization;
using VmHost.Consoles;
using VmHost.Consoles.Screen;
using VmHost.Hypervisors;
using VmHost.Machines.Effects;
using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Records;
using VmHost.Specs;

namespace VmHost.Machines;

/// <summary>A machine's console: what was written to it, and the keyboard.</summary>
public sealed class MachineConsole
{
    // More than the shim keeps in one of its two files.
    private const int MaxHypervisorLog = 512 << 10;

    private readonly ShimContact _contact;
    private readonly MachinePaths _paths;
    private readonly TimeProvider _time;
    private readonly Func<MachineSnapshot> _snapshot;
    private readonly ConsoleKeyboard _keyboard;

    /// <param name="feed">The journal's end.</param>
    /// <param name="contact">The shim's.</param>
    /// <param name="paths">The machine's.</param>
    /// <param name="time">The clock.</param>
    /// <param name="snapshot">The machine as it is now.</param>
    internal MachineConsole(ConsoleFeed feed, ShimContact contact, MachinePaths paths, TimeProvider time, Func<MachineSnapshot> snapshot)
    {
        (Feed, _contact, _paths, _time, _snapshot) = (feed, contact, paths, time, snapshot);
        _keyboard = new(time);
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

    /// <summary>Makes the caller the only one who writes, also over the machine's boots, until it is released or taken.</summary>
    /// <param name="holder">Who that is, for people.</param>
    /// <param name="force">Take it from its holder.</param>
    /// <param name="token">Goes with what the caller writes; no other caller can guess it.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.Aborted"/>: another caller has it.</exception>
    public ConsoleHold Hold(string holder, bool force, string token) =>
        _keyboard.TryHold(holder, force, token, out var hold) ? hold : throw Held(hold);

    /// <summary>Lets others write again.</summary>
    public void Release(ConsoleHold hold) => _keyboard.Release(hold);

    /// <summary>Writes to the console.</summary>
    /// <param name="data">What a keyboard would send.</param>
    /// <param name="holdToken">Of the console's holder; empty for a caller who does not hold it.</param>
    /// <param name="force">Write also if another caller holds it.</param>
    /// <param name="ct">Gives up; a part may have been written.</param>
    /// <returns>The offset of the end of the output before the write.</returns>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: the machine does not run. <see cref="VmHostError.Aborted"/>: another caller
    /// holds the console.
    /// </exception>
    public async Task<long> WriteAsync(ReadOnlyMemory<byte> data, string holdToken, bool force, CancellationToken ct)
    {
        if (!force && _keyboard.HeldAgainst(holdToken) is { } other)
            throw Held(other);

        // Past the machine's loop: a boot that ends meanwhile refuses the input itself.
        var boot = _contact.Boot ?? throw NotReached();
        // What the shim has written may not have been reported yet. One who holds the console types key by key, and does not ask.
        var end = Feed.Current.State.End;
        if (holdToken.Length == 0 && Directory.Exists(_paths.Console))
            end = Math.Max(end, JournalReader.Bounds(_paths.Console).End);

        await boot.WriteConsoleAsync(data, ct);
        return end;
    }

    /// <summary>Sets the size of the terminal of this boot and of later ones.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: a size out of range. <see cref="VmHostError.Aborted"/>: another caller holds
    /// the console.
    /// </exception>
    public async Task ResizeAsync(ConsoleSize size, string holdToken, CancellationToken ct)
    {
        size.ThrowIfOutOfRange();
        if (_keyboard.HeldAgainst(holdToken) is { } other)
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
            ?? throw new VmHostException(VmHostError.FailedPrecondition, $"{(waits ? $"machine {_snapshot().Name} does not run, and nothing" : "nothing")} that it wrote from offset {begin} on matches");
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
        return new(VmHostError.FailedPrecondition, state.IsAtRest() || state is MachineState.Backoff or MachineState.Starting
            ? $"machine {name} does not run; start it with: vmctl start {name}"
            : $"the shim of machine {name} cannot be reached now; try again, and look at its state with: vmctl inspect {name}");
    }

    private VmHostException Held(ConsoleHold other) =>
        new(VmHostError.Aborted, string.Create(CultureInfo.InvariantCulture, $"{other.Holder} types at the console of {_snapshot().Name} since {other.Since:yyyy-MM-dd HH:mm:ss} UTC"));
}
