using System.Runtime.InteropServices;
using VmHost.Posix;

namespace VmHost.Cli.Terminal;

/// <summary>
/// The terminal on stdin in raw mode: every key goes to whoever reads, Ctrl-C too. It is as it was once this is disposed, when a
/// signal ends vmctl, and, but for what the guest drew, while one stops it.
/// </summary>
internal sealed class RawTerminal : IDisposable
{
    private const int Input = 0;

    // Those that end a program; .NET has no names for some. SIGINT and SIGTERM are for whoever runs the command.
    private static readonly PosixSignal[] Ending =
    [
        PosixSignal.SIGHUP, PosixSignal.SIGQUIT, (PosixSignal)Signals.User1, (PosixSignal)Signals.User2,
        (PosixSignal)Signals.Alarm, (PosixSignal)Signals.VirtualAlarm, (PosixSignal)Signals.ProcessorTimeLimit,
    ];

    private static RawTerminal? _current;

    private readonly TerminalSettings _before;
    private readonly TerminalSettings _raw;
    private readonly TerminalModes _modes = new();
    private readonly PosixSignalRegistration[] _signals;

    /// <exception cref="IOException">stdin is no terminal, or cannot be set.</exception>
    internal RawTerminal()
    {
        _before = TerminalSettings.Of(Input);
        _raw = _before.ToRaw();
        _current = this;
        _signals = [.. Ending.Concat([PosixSignal.SIGTSTP, PosixSignal.SIGCONT]).Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];
        try
        {
            _raw.ApplyTo(Input);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A person can type and see.</summary>
    internal static bool IsPossible => StandardStreams.IsInputTerminal && StandardStreams.IsOutputTerminal;

    /// <summary>A line feed alone does not begin a new line now.</summary>
    internal static bool IsActive => Volatile.Read(ref _current) is not null;

    /// <summary>Shows a guest's output, as it is.</summary>
    /// <exception cref="OutputClosedException">There is no terminal any more.</exception>
    internal void Show(ReadOnlySpan<byte> output)
    {
        _modes.Watch(output);
        StandardStreams.Write(output);
    }

    /// <summary>For a process that is about to be ended by a signal. Does nothing when no terminal is raw.</summary>
    internal static void Restore()
    {
        if (Interlocked.Exchange(ref _current, null) is not { } raw)
            return;

        // What was typed and not read must not reach the shell, such as a terminal's late answer to the guest.
        _ = raw._before.TryApplyTo(Input, discardInput: true);
        StandardStreams.TryWrite(raw._modes.Undo());
    }

    // A signal that ends the process does so afterwards.
    private static void OnSignal(PosixSignalContext context)
    {
        if (context.Signal is not (PosixSignal.SIGTSTP or PosixSignal.SIGCONT))
        {
            Restore();
            return;
        }

        // Else .NET would set the terminal too when it goes on, as it was at the beginning.
        context.Cancel = true;
        if (Volatile.Read(ref _current) is not { } raw)
            return;

        _ = (context.Signal == PosixSignal.SIGCONT ? raw._raw : raw._before).TryApplyTo(Input);

        // Not by the signal itself, which does nothing where no shell is there to go on with.
        if (context.Signal == PosixSignal.SIGTSTP)
            Signals.Raise(Signals.Stop);
    }

    public void Dispose()
    {
        Restore();
        foreach (var signal in _signals)
            signal.Dispose();
    }
}
