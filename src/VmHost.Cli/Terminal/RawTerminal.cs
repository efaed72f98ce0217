using System.Runtime.InteropServices;

namespace VmHost.Cli.Terminal;

/// <summary>
/// The terminal on stdin in raw mode: every key goes to whoever reads, Ctrl-C too. It is as it was once this is disposed,
/// and when a signal ends vmctl.
/// </summary>
internal sealed partial class RawTerminal : IDisposable
{
    private const int Input = 0;
    private const int Now = 0;

    // Also forgets what was typed and not read, such as a terminal's late answer to the guest.
    private const int Flush = 2;

    // struct termios has 60 bytes on Linux and 72 on macOS.
    private const int MaxSize = 128;

    private static RawTerminal? _current;

    private readonly byte[] _before = new byte[MaxSize];
    private readonly PosixSignalRegistration[] _signals;

    /// <exception cref="IOException">stdin is no terminal, or cannot be set.</exception>
    internal RawTerminal()
    {
        if (GetAttributes(Input, _before) != 0)
            throw Failure();

        var raw = _before.AsSpan().ToArray();
        MakeRaw(raw);
        _current = this;
        _signals = [.. new[] { PosixSignal.SIGHUP, PosixSignal.SIGQUIT }.Select(signal => PosixSignalRegistration.Create(signal, static _ => Restore()))];
        if (SetAttributes(Input, Now, raw) == 0)
            return;

        var failure = Failure();
        Dispose();
        throw failure;
    }

    /// <summary>A person can type and see.</summary>
    internal static bool IsPossible => StandardStreams.IsInputTerminal && StandardStreams.IsOutputTerminal;

    /// <summary>A line feed alone does not begin a new line now.</summary>
    internal static bool IsActive => Volatile.Read(ref _current) is not null;

    /// <summary>For a process that is about to be ended by a signal. Does nothing when no terminal is raw.</summary>
    internal static void Restore()
    {
        if (Interlocked.Exchange(ref _current, null) is { } raw)
            _ = SetAttributes(Input, Flush, raw._before);
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

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw([In, Out] byte[] attributes);
}
