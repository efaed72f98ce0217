using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>Signals by number, the same on every supported system.</summary>
public static unsafe partial class Signals
{
    public const int Hangup = 1;
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Pipe = 13;
    public const int Terminate = 15;

    private const nint Ignored = 1;

    /// <summary>SIGUSR1.</summary>
    public static int User1 { get; } = OperatingSystem.IsMacOS() ? 30 : 10;

    // SIG_BLOCK.
    private static int Block { get; } = OperatingSystem.IsMacOS() ? 1 : 0;

    /// <summary>Sends a signal; false when no such process is left.</summary>
    /// <exception cref="PosixException">It may not be signalled.</exception>
    public static bool Send(int pid, int signal)
    {
        // 0 and -1 address whole groups: a zeroed record must not.
        ArgumentOutOfRangeException.ThrowIfLessThan(pid, 2);
        if (SendSignal(pid, signal) == 0)
            return true;

        return Descriptor.LastError == Errno.NoProcess ? false : throw PosixException.Last($"kill {pid}");
    }

    public static void Ignore(int signal) => _ = SetHandler(signal, Ignored);

    /// <summary>Blocks a signal in this thread and those that it starts from now on.</summary>
    public static void BlockInThisThread(int signal)
    {
        var set = stackalloc byte[SignalSet.Size];
        SignalSet.Of(set, [signal]);
        _ = SetThreadMask(Block, set, null);
    }

    /// <summary>Whether this thread blocks a signal.</summary>
    public static bool IsBlockedInThisThread(int signal)
    {
        var set = stackalloc byte[SignalSet.Size];
        SignalSet.Of(set, []);
        return SetThreadMask(Block, null, set) == 0 && SignalSet.Contains(set, signal);
    }

    /// <summary>Waits for one of several signals that every thread of this process blocks, and returns it.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static int WaitFor(params ReadOnlySpan<int> signals)
    {
        var set = stackalloc byte[SignalSet.Size];
        SignalSet.Of(set, signals.ToArray());
        var error = Wait(set, out var signal);
        return error == 0 ? signal : throw new PosixException("sigwait", error);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "pthread_sigmask")]
    private static partial int SetThreadMask(int how, byte* set, byte* old);

    [LibraryImport("libc", EntryPoint = "sigwait")]
    private static partial int Wait(byte* set, out int signal);
}
