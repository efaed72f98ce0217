using System.Runtime.InteropServices;

namespace VmHost.Cli.Terminal;

/// <summary>
/// The terminal on stdin in raw mode: every key goes to whoever reads, Ctrl-C too. It is as it was once this is disposed, when a
/// signal ends vmctl, and, but for what the guest drew, while one stops it.
/// </summary>
internal sealed partial class RawTerminal : IDisposable
{
    private const int Input = 0;
    private const int Now = 0;

    // Also forgets what was typed and not read, such as a terminal's late answer to the guest.
    private const int Flush = 2;

    // Those that end a program, and that .NET has no names for: SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGXCPU. SIGINT and SIGTERM
    // are for whoever runs the command.
    private static readonly PosixSignal[] Ending =
    [
        PosixSignal.SIGHUP, PosixSignal.SIGQUIT, .. (OperatingSystem.IsMacOS() ? [30, 31, 14, 26, 24] : (int[])[10, 12, 14, 26, 24]).Select(number => (PosixSignal)number),
    ];

    // struct termios has 60 bytes on Linux and 72 on macOS.
    private const int MaxSize = 128;

    private static readonly int Stop = OperatingSystem.IsMacOS() ? 17 : 19;

    private static RawTerminal? _current;

    private readonly byte[] _before = new byte[MaxSize];
    private readonly byte[] _raw;
    private readonly TerminalModes _modes = new();
    private readonly PosixSignalRegistration[] _signals;

    /// <exception cref="IOException">stdin is no terminal, or cannot be set.</exception>
    internal RawTerminal()
    {
        if (GetAttributes(Input, _before) != 0)
            throw Failure();

        _raw = _before.AsSpan().ToArray();
        MakeRaw(_raw);
        _current = this;
        _signals = [.. Ending.Concat([PosixSignal.SIGTSTP, PosixSignal.SIGCONT]).Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];
        if (SetAttributes(Input, Now, _raw) == 0)
            return;

        var failure = Failure();
        Dispose();
        throw failure;
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

        _ = SetAttributes(Input, Flush, raw._before);
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

        _ = SetAttributes(Input, Now, context.Signal == PosixSignal.SIGCONT ? raw._raw : raw._before);

        // Not by the signal itself, which does nothing where no shell is there to go on with.
        if (context.Signal == PosixSignal.SIGTSTP)
            _ = Raise(Stop);
    }

    public void Dispose()
    {
        Restore();
        foreach (var signal in _signals)
            signal.Dispose();
    }

    private static IOException Failure() =>
        new($"cannot set the terminal: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int GetAttributes(int descriptor, [Out] byte[] attributes);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int SetAttributes(int descriptor, int when, byte[] attributes);

    [LibraryImport("libc", EntryPoint = "raise")]
    private static partial int Raise(int signal);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw([In, Out] byte[] attributes);
}
