using System.Runtime.InteropServices;

namespace VmHost.ShimContract.Posix;

/// <summary>What to wait for on one descriptor, and what came (<c>struct pollfd</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PollEntry
{
    /// <summary>A negative number is passed over.</summary>
    public int Descriptor;

    public PollEvents Wanted;

    public PollEvents Ready;
}

/// <summary>The bits of <c>poll</c>, the same on every supported system.</summary>
[Flags]
public enum PollEvents : short
{
    None = 0,
    Readable = 1,
    Writable = 4,
    Error = 8,
    HungUp = 16,
}

public static partial class Poll
{
    /// <summary>Waits until an entry is ready.</summary>
    /// <param name="entries">Their <see cref="PollEntry.Ready"/> is set.</param>
    /// <param name="timeoutMilliseconds">-1 waits for ever.</param>
    /// <returns>How many are ready; 0 when the time passed or a signal came.</returns>
    /// <exception cref="PosixException">The call failed.</exception>
    public static int Wait(Span<PollEntry> entries, int timeoutMilliseconds)
    {
        // nfds_t is 8 bytes on Linux and 4 on macOS; a small value passes as either.
        var count = Call(ref MemoryMarshal.GetReference(entries), (nuint)entries.Length, timeoutMilliseconds);
        if (count < 0)
            return Descriptor.LastError == Errno.Interrupted ? 0 : throw PosixException.Last("poll");

        return count;
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Call(ref PollEntry entries, nuint count, int timeout);
}
