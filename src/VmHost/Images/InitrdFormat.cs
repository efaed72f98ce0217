using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using VmHost.Specs;

namespace VmHost.Images;

/// <summary>
/// Recognises what Linux can unpack or mount as an initial ramdisk: a cpio archive, perhaps compressed (init/initramfs.c,
/// lib/decompress.c), or the image of a small file system (init/do_mounts_rd.c).
/// </summary>
internal static class InitrdFormat
{
    // The superblock of ext2 begins at 1024, and its magic number is the 57th and 58th byte of that.
    private const int ExtMagicAt = 1024 + 56;
    private const ushort ExtMagic = 0xef53;
    private const int HeadLength = 2048;

    // Archives are padded with NUL bytes to a multiple of four, also before the first.
    private static readonly byte[][] Beginnings =
    [
        [.. "070701"u8], [.. "070702"u8],
        [0x1f, 0x8b], [0x1f, 0x9e],
        [.. "BZh"u8],
        [0x5d, 0, 0],
        [0xfd, .. "7zXZ\0"u8],
        [0x89, .. "LZO"u8],
        [0x02, 0x21, 0x4c, 0x18], [0x04, 0x22, 0x4d, 0x18],
        [0x28, 0xb5, 0x2f, 0xfd],
        [.. "hsqs"u8], [.. "-rom1fs-"u8], [0x45, 0x3d, 0xcd, 0x28],
    ];

    /// <summary>A warning about a file that Linux will not take; null if it will, or the file cannot be read.</summary>
    internal static string? WarningFor(string path)
    {
        using var file = ImageFile.Open(path, mayBeEmpty: false, out _, out _);
        if (file is null)
            return null;   // a fault of its own

        var head = new byte[HeadLength];
        var length = ReadHead(file, head);
        return length is null || IsKnown(head.AsSpan(0, length.Value))
            ? null
            : $"the initial ramdisk {Quoted.Text(path)} is in no format that Linux unpacks (cpio, perhaps compressed; a file system image), so the guest will not find its programs; check the file";
    }

    private static int? ReadHead(SafeFileHandle file, byte[] head)
    {
        try
        {
            return RandomAccess.Read(file, head, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool IsKnown(ReadOnlySpan<byte> head)
    {
        var start = head.TrimStart((byte)0);
        foreach (var beginning in Beginnings)
        {
            if (start.StartsWith(beginning))
                return true;
        }

        return head.Length >= ExtMagicAt + sizeof(ushort) && BinaryPrimitives.ReadUInt16LittleEndian(head[ExtMagicAt..]) == ExtMagic;
    }
}
