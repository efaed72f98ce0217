using System.Globalization;
using Microsoft.Extensions.Logging;
using VmHost.Consoles;
using VmHost.Consoles.Screen;
using VmHost.ShimContract.Journal;
using VmHost.ShimContract.Records;
using VmHost.Specs;
using VmHost.Supervision;

namespace VmHost.Machines;

/// <summary>The part that has to do with the console.</summary>
public sealed partial class Machine
{
    // More than the shim keeps in one of its two files.
    private const int MaxHypervisorLog = 512 << 10;

    private readonly ConsoleKeyboard _keyboard;
    private ConsoleSize? _consoleSize;

    /// <summary>Its console.</summary>
    public ConsoleFeed Console { get; }

    /// <summary>Where the console output of the current or last boot begins; 0 when that is not known.</summary>
    public long BootConsoleBegin
    {
        get
        {
            if (Volatile.Read(ref _boot) is { } boot)
                return boot.Run.ConsoleBegin;

            try
            {
                return RunRecord.Load(Paths.Directory).ConsoleBegin;
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                return 0;   // it never ran, or its records are damaged: all of its output is its last boot's
            }
        }
    }

    /// <summary>Makes the caller the only one who writes to its console, also over its boots, until it is released or taken.</summary>
    /// <param name="holder">Who that is, for people.</param>
    /// <param name="force">Take it from whoever has it.</param>
    /// <param name="token">Goes with what the caller writes; nobody else can guess it.</param>
    /// <exception cref="VmHostException"><see cref="VmHostError.Aborted"/>: somebody else has it.</exception>
    public ConsoleHold HoldConsole(string holder, bool force, string token) =>
        _keyboard.TryHold(holder, force, token, out var hold) ? hold : throw Held(hold);

    /// <summary>Lets others write to its console again.</summary>
    public void ReleaseConsole(ConsoleHold hold) => _keyboard.Release(hold);

    /// <summary>Writes to its console.</summary>
    /// <param name="data">What a keyboard would send.</param>
    /// <param name="holdToken">Of whoever holds the console; empty for somebody who does not.</param>
    /// <param name="force">Write also if somebody else holds it.</param>
    /// <param name="ct">Gives up; a part may have been written.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.FailedPrecondition"/>: it does not run. <see cref="VmHostError.Aborted"/>: somebody else holds
    /// the console.
    /// </exception>
    public async Task WriteConsoleAsync(ReadOnlyMemory<byte> data, string holdToken, bool force, CancellationToken ct)
    {
        if (!force && _keyboard.HeldAgainst(holdToken) is { } other)
            throw Held(other);

        // Without the gate: a boot that ends meanwhile refuses the input itself.
        var boot = Volatile.Read(ref _boot) ?? throw new VmHostException(VmHostError.FailedPrecondition, $"machine {_snapshot.Name} does not run; start it with: vmctl start {_snapshot.Name}");
        await boot.WriteConsoleAsync(data, ct);
    }

    /// <summary>Tells the terminal of this boot and of later ones how large it is. A machine that does not run is told later.</summary>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: a size out of range. <see cref="VmHostError.Aborted"/>: somebody else holds
    /// the console.
    /// </exception>
    public async Task ResizeConsoleAsync(ConsoleSize size, string holdToken, CancellationToken ct)
    {
        size.ThrowIfOutOfRange();
        if (_keyboard.HeldAgainst(holdToken) is { } other)
            throw Held(other);

        Volatile.Write(ref _consoleSize, size);
        if (Volatile.Read(ref _boot) is { } boot)
            await boot.ResizeConsoleAsync(size, ct);
    }

    /// <summary>What a terminal would show of the current or last boot.</summary>
    /// <param name="columns">Null: as its terminal was told last, else 80.</param>
    /// <param name="rows">Null: as its terminal was told last, else 24.</param>
    /// <exception cref="VmHostException">
    /// <see cref="VmHostError.InvalidArgument"/>: a size out of range. <see cref="VmHostError.DataLoss"/>: the journal cannot
    /// be read.
    /// </exception>
    /// <returns>The screen, and the offset behind the output that it shows.</returns>
    public (ConsoleScreen Screen, long End) ShowConsole(int? columns, int? rows)
    {
        var told = Volatile.Read(ref _consoleSize) ?? ConsoleSize.Default;
        var size = new ConsoleSize(columns ?? told.Columns, rows ?? told.Rows);
        size.ThrowIfOutOfRange();
        var screen = new ConsoleScreen(size.Columns, size.Rows);
        try
        {
            if (!Directory.Exists(Paths.Console))
                return (screen, 0);

            var end = JournalReader.Bounds(Paths.Console).End;
            screen.Show(Paths.Console, Math.Min(BootConsoleBegin, end), end);
            return (screen, end);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmHostException(VmHostError.DataLoss, $"the console journal cannot be read: {e.Message}");
        }
    }

    /// <summary>What its hypervisor itself said in the current or last boot; empty where that cannot be read.</summary>
    public byte[] ReadHypervisorLog() =>
        [.. BootJudge.Tail(Paths.OlderHypervisorLog, MaxHypervisorLog), .. BootJudge.Tail(Paths.HypervisorLog, MaxHypervisorLog)];

    // A size is a convenience: a shim that does not take it now keeps the machine from nothing.
    private async Task TellConsoleSizeAsync(SupervisedBoot boot)
    {
        try
        {
            if (Volatile.Read(ref _consoleSize) is { } size)
                await boot.ResizeConsoleAsync(size, CancellationToken.None);
        }
        catch (VmHostException e)
        {
            LogNoSize(e, _snapshot.Name);
        }
    }

    private VmHostException Held(ConsoleHold other) =>
        new(VmHostError.Aborted, string.Create(CultureInfo.InvariantCulture, $"{other.Holder} types at the console of {_snapshot.Name} since {other.Since:yyyy-MM-dd HH:mm:ss} UTC"));

    [LoggerMessage(Level = LogLevel.Warning, Message = "Machine {Machine}: its terminal could not be told its size.")]
    private partial void LogNoSize(Exception e, string machine);
}
