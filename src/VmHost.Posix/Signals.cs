using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>Signals, with this operating system's numbers.</summary>
public static unsafe partial class Signals
{
    public const int Hangup = 1;
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Pipe = 13;
    public const int Alarm = 14;
    public const int Terminate = 15;
    public const int ProcessorTimeLimit = 24;
    public const int VirtualAlarm = 26;

    /// <summary>The handler numbers that the kernel knows.</summary>
    internal const int Default = 0;
    internal const int Ignored = 1;

    // Signals of POSIX; those above are real-time signals, which nothing ignores.
    private const int Highest = 31;

    public static int Stop { get; } = SignalTable.Stop.Value;

    public static int User1 { get; } = SignalTable.User1.Value;

    public static int User2 { get; } = SignalTable.User2.Value;

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

    /// <summary>Sends a signal to this thread.</summary>
    public static void Raise(int signal) => _ = RaiseSignal(signal);

    public static void Ignore(int signal) => _ = SetHandler(signal, Ignored);

    /// <summary>
    /// Ignores no signal any more. A program that this process executes inherits which signals are ignored, and .NET
    /// ignores SIGPIPE.
    /// </summary>
    public static void ResetAll()
    {
        // SIGKILL and SIGSTOP refuse, which is their default.
        for (var signal = 1; signal <= Highest; signal++)
            _ = SetHandler(signal, Default);
    }

    /// <summary>Blocks a signal in this thread and those that it starts from now on.</summary>
    public static void BlockInThisThread(int signal)
    {
        var set = stackalloc byte[SignalSet.Size];
        SignalSet.Of(set, [signal]);
        _ = SetThreadMask(SignalTable.Block.Value, set, null);
    }

    /// <summary>Whether this thread blocks a signal.</summary>
    public static bool IsBlockedInThisThread(int signal)
    {
        var set = stackalloc byte[SignalSet.Size];
        SignalSet.Of(set, []);
        return SetThreadMask(SignalTable.Block.Value, null, set) == 0 && SignalSet.Contains(set, signal);
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

    [LibraryImport("libc", EntryPoint = "raise")]
    private static partial int RaiseSignal(int signal);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint SetHandler(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "pthread_sigmask")]
    private static partial int SetThreadMask(int how, byte* set, byte* old);

    [LibraryImport("libc", EntryPoint = "sigwait")]
    private static partial int Wait(byte* set, out int signal);
}
