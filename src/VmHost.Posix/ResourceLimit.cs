using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>What this process may have of something (<c>getrlimit</c>).</summary>
public static unsafe partial class ResourceLimit
{
    // RLIMIT_NOFILE.
    private static int OpenFilesResource { get; } = OperatingSystem.IsMacOS() ? 8 : 7;

    /// <summary>Descriptors that may be open at the same time; .NET has raised it as far as it may by then.</summary>
    /// <exception cref="PosixException">The call failed.</exception>
    public static long OpenFiles
    {
        get
        {
            var limits = stackalloc ulong[2];
            if (Get(OpenFilesResource, limits) != 0)
                throw PosixException.Last("getrlimit");

            return (long)Math.Min(limits[0], long.MaxValue);
        }
    }

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    private static partial int Get(int resource, ulong* limits);
}
