using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>Two connected Unix stream sockets without a name.</summary>
public static partial class SocketPair
{
    /// <summary>Makes a pair; both ends close-on-exec, with numbers of 10 and above.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static (int First, int Second) Create()
    {
        Span<int> ends = stackalloc int[2];
        if (MakePair(SocketTable.UnixFamily.Value, SocketTable.Stream.Value, 0, ref MemoryMarshal.GetReference(ends)) != 0)
            throw PosixException.Last("socketpair");

        // Renumbered away from those that a spawned child gets, and made close-on-exec on the way.
        var first = Descriptor.DuplicateAbove(ends[0], 10);
        var second = Descriptor.DuplicateAbove(ends[1], 10);
        Descriptor.Close(ends[0]);
        Descriptor.Close(ends[1]);
        return (first, second);
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int MakePair(int family, int type, int protocol, ref int ends);
}
