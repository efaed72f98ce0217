using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>The user this process runs as.</summary>
#pragma warning disable IDE0040 // Public in VmHost.Posix by Public.cs, internal in VmHost.Client.
static partial class User
#pragma warning restore IDE0040
{
    public const uint Root = 0;

    /// <summary>The effective user id.</summary>
    public static uint Id => EffectiveId();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveId();
}
