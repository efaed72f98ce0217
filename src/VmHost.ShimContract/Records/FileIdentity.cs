using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VmHost.Posix;

namespace VmHost.ShimContract.Records;

/// <summary>
/// What names a file whatever its path: no two files have the same while both exist or are open, within one boot of the host.
/// </summary>
/// <param name="Device">The file system that holds it.</param>
/// <param name="Inode">The file's number there.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct FileIdentity(ulong Device, ulong Inode)
{
    /// <summary>The file that a path leads to; null if none does, or it cannot be looked at.</summary>
    public static FileIdentity? At(string path) => FileStatus.TryGet(path, out var status) ? Of(status) : null;

    /// <summary>The file that a descriptor of this process refers to; null if it is not open.</summary>
    public static FileIdentity? Of(int descriptor)
    {
        using var file = new SafeFileHandle(descriptor, ownsHandle: false);
        return FileStatus.TryGet(file, out var status) ? Of(status) : null;
    }

    private static FileIdentity Of(FileStatus status) => new(status.Device, status.Inode);
}
