using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>The user this process runs as.</summary>
public static partial class User
{
    public const uint Root = 0;

    /// <summary>The effective user id.</summary>
    public static uint Id => EffectiveId();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveId();
}
