using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>
/// The header of a qcow2 image, as far as it decides whether it may be used (QEMU, <c>docs/interop/qcow2.txt</c>). A
/// guest that has a raw disk can write such a header itself, with the name of any file of the host in it.
/// </summary>
internal static class Qcow2Header
{
    private const int Length = 104;
    private const ulong ExternalDataFile = 1 << 2;

    /// <summary>What is wrong with a file that is to be of that format, to be put behind its name; null when nothing is.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static string? FaultOf(SafeFileHandle file, DiskFormat format)
    {
        var head = new byte[Length];
        var length = RandomAccess.Read(file, head, 0);
        return FaultOf(head.AsSpan(0, length), format);
    }

    internal static string? FaultOf(ReadOnlySpan<byte> head, DiskFormat format)
    {
        var isQcow2 = head.StartsWith("QFI"u8) && head.Length > 3 && head[3] == 0xfb;
        if (format == DiskFormat.Raw)
            return isQcow2 ? "is a qcow2 image, and as a raw disk its header would be the disk's content; say the format QCOW2" : null;
        if (!isQcow2)
            return "is no qcow2 image; say the format RAW if it is a raw disk";
        if (head.Length < 16)
            return "is truncated: it ends within its header; copy it again";
        if (BinaryPrimitives.ReadUInt64BigEndian(head[8..]) != 0)
            return "has a backing file, which could be any file of this host; make one image of both: qemu-img convert -O qcow2 OLD NEW";

        var version = BinaryPrimitives.ReadUInt32BigEndian(head[4..]);
        return version >= 3 && head.Length >= 80 && (BinaryPrimitives.ReadUInt64BigEndian(head[72..]) & ExternalDataFile) != 0
            ? "has an external data file, which could be any file of this host; make one image of both: qemu-img convert -O qcow2 OLD NEW"
            : null;
    }
}
