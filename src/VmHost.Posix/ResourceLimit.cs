using System.Buffers.Binary;
using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>What this process may have of something (<c>getrlimit</c>).</summary>
public static partial class ResourceLimit
{
    /// <summary>Descriptors that may be open at the same time; .NET has raised it as far as it may by then.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static long OpenFiles
    {
        get
        {
            Span<byte> limits = stackalloc byte[ProcessTable.LimitSize.Value];
            if (Get(ProcessTable.LimitOpenFiles.Value, ref MemoryMarshal.GetReference(limits)) != 0)
                throw PosixException.Last("getrlimit");

            var current = BinaryPrimitives.ReadUInt64LittleEndian(limits[ProcessTable.LimitCurrent.Value..]);
            return (long)Math.Min(current, long.MaxValue);
        }
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int Get(int resource, ref byte limits);
}
