using System.Runtime.InteropServices;

namespace VmHost.Posix;

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
    /// <returns>How many are ready; 0 when the time passed. A signal in between does not end the waiting.</returns>
    /// <exception cref="PosixException">The call failed.</exception>
    public static int Wait(Span<PollEntry> entries, int timeoutMilliseconds)
    {
        var begin = Environment.TickCount64;
        var left = timeoutMilliseconds;
        while (true)
        {
            // nfds_t is 8 bytes on Linux and 4 on macOS; a small value passes as either.
            var count = Call(ref MemoryMarshal.GetReference(entries), (nuint)entries.Length, left);
            if (count >= 0)
                return count;
            if (Descriptor.LastError != Errno.Interrupted)
                throw PosixException.Last("poll");

            // The daemon gets a SIGCHLD with each shim that ends, in whatever thread.
            if (timeoutMilliseconds >= 0)
                left = (int)Math.Max(0, timeoutMilliseconds - (Environment.TickCount64 - begin));
        }
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Call(ref PollEntry entries, nuint count, int timeout);
}
