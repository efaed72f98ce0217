using System.Buffers.Binary;
using System.Text;

namespace VmHost.Tests.Images;

/// <summary>
/// Makes files with the boot header of an x86 Linux kernel and nothing behind it that could run. The values are those of
/// Debian 12's cloud kernel, but for the size of the file.
/// </summary>
internal sealed record BzImageBuilder
{
    public byte SetupSects { get; init; } = 3;

    public int PayloadLength { get; init; } = 4096;

    public ushort BootFlag { get; init; } = 0xAA55;

    public string Magic { get; init; } = "HdrS";

    public ushort Protocol { get; init; } = 0x020f;

    public byte LoadFlags { get; init; } = 1;

    public uint InitrdAddrMax { get; init; } = 0x7fffffff;

    public uint Alignment { get; init; } = 0x200000;

    public bool Relocatable { get; init; } = true;

    public ushort XLoadFlags { get; init; } = 0x7f;

    public uint CmdlineSize { get; init; } = 2047;

    public ulong PrefAddress { get; init; } = 0x1000000;

    public uint InitSize { get; init; } = 0x3378000;

    public string Version { get; init; } = "6.1.0-44-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP";

    public byte[] Build()
    {
        var image = new byte[((SetupSects + 1) * 512) + PayloadLength];
        var span = image.AsSpan();
        "MZ"u8.CopyTo(span);
        span[0x1f1] = SetupSects;
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x1f4..], (uint)(PayloadLength / 16));
        BinaryPrimitives.WriteUInt16LittleEndian(span[0x1fe..], BootFlag);
        Encoding.ASCII.GetBytes(Magic, span[0x202..]);
        BinaryPrimitives.WriteUInt16LittleEndian(span[0x206..], Protocol);
        span[0x211] = LoadFlags;
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x22c..], InitrdAddrMax);
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x230..], Alignment);
        span[0x234] = Relocatable ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt16LittleEndian(span[0x236..], XLoadFlags);
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x238..], CmdlineSize);
        BinaryPrimitives.WriteUInt64LittleEndian(span[0x258..], PrefAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(span[0x260..], InitSize);
        BinaryPrimitives.WriteUInt16LittleEndian(span[0x20e..], 0x100);
        Encoding.UTF8.GetBytes(Version, span[0x300..]);
        return image;
    }
}
