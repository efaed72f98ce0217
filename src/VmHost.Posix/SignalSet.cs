using System.Runtime.InteropServices;
using VmHost.Posix.Tables;

namespace VmHost.Posix;

/// <summary>A <c>sigset_t</c> in caller-owned memory.</summary>
internal static unsafe partial class SignalSet
{
    /// <summary>Bytes to reserve.</summary>
    internal static int Size { get; } = SignalTable.SetSize.Value;

    internal static void Fill(byte* set) => _ = FillSet(set);

    internal static void Of(byte* set, IEnumerable<int> signals)
    {
        _ = EmptySet(set);
        foreach (var signal in signals)
            _ = AddToSet(set, signal);
    }

    internal static bool Contains(byte* set, int signal) => IsInSet(set, signal) == 1;

    [LibraryImport("libc", EntryPoint = "sigismember")]
    private static partial int IsInSet(byte* set, int signal);

    [LibraryImport("libc", EntryPoint = "sigfillset")]
    private static partial int FillSet(byte* set);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    private static partial int EmptySet(byte* set);

    [LibraryImport("libc", EntryPoint = "sigaddset")]
    private static partial int AddToSet(byte* set, int signal);
}
