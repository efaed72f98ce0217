using System.Runtime.InteropServices;

namespace VmHost.Posix;

/// <summary>The rights that a new file of this process does not get (<c>umask</c>), narrowed for as long as this lives.</summary>
/// <remarks>It holds for all threads: only for use while no other one creates files.</remarks>
public sealed partial class CreationMask : IDisposable
{
    private readonly uint _before;

    /// <param name="withheld">Rights that new files do not get; replaces the process's mask.</param>
    public CreationMask(UnixFileMode withheld) => _before = SetMask((uint)withheld);

    /// <summary>Restores the mask.</summary>
    public void Dispose() => _ = SetMask(_before);

    // mode_t has 32 bits on Linux and 16 on macOS, where they are passed as 32.
    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetMask(uint mask);
}
