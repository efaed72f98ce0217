using System.Buffers.Binary;
using System.Text;
using VmHost.Images;

namespace VmHost.Tests.Images;

/// <summary>
/// A kernel that no machine could run but every loader would take: a setup header by Linux'
/// <c>Documentation/arch/x86/boot.rst</c>, followed by nothing. The values are those of Debian's cloud kernel.
/// </summary>
internal sealed record BzImageBuilder
{
    public const int InitSizeOfDebianCloud = 0x3378000;
    public const string Version = "6.1.0-44-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP";

    private const int VersionAt = 0x300;

    public byte SetupSectors { get; init; } = 3;

    /// <summary>Bytes behind the setup code, a multiple of 16.</summary>
    public int PayloadLength { get; init; } = 4096;

    public ushort Protocol { get; init; } = 0x020f;

    public byte LoadFlags { get; init; } = 1;

    public ushort XLoadFlags { get; init; } = 0x7f;

    public uint CommandLineSize { get; init; } = 2047;

    public bool Relocatable { get; init; } = true;

    public uint Alignment { get; init; } = 0x200000;

    public ulong PrefAddress { get; init; } = 0x1000000;

    public uint InitSize { get; init; } = InitSizeOfDebianCloud;

    public uint InitrdAddrMax { get; init; } = 0x7fffffff;

    public string? KernelVersion { get; init; } = Version;

    public int SetupLength => (SetupSectors + 1) * 512;

    public byte[] Build()
    {
        // setup_sects of 0 is a fault that loaders look for; the file has to be long enough to tell it from a short one.
        var image = new byte[Math.Max(SetupLength, 2048) + PayloadLength];
        "MZ"u8.CopyTo(image);
        image[0x1f1] = SetupSectors;
        Put32(image, 0x1f4, (uint)PayloadLength / 16);
        Put16(image, 0x1fe, 0xaa55);
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        Put16(image, 0x206, Protocol);
        image[0x211] = LoadFlags;
        Put32(image, 0x22c, InitrdAddrMax);
        Put32(image, 0x230, Alignment);
        image[0x234] = Relocatable ? (byte)1 : (byte)0;
        Put16(image, 0x236, XLoadFlags);
        Put32(image, 0x238, CommandLineSize);
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(0x258), PrefAddress);
        Put32(image, 0x260, InitSize);

        if (KernelVersion is not null)
        {
            Put16(image, 0x20e, VersionAt - 0x200);
            Encoding.Latin1.GetBytes(KernelVersion).CopyTo(image, VersionAt);
        }

        return image;
    }

    /// <summary>The header as the product reads it.</summary>
    public BzImageHeader Parse()
    {
        var image = Build();
        Assert.True(BzImageHeader.TryParse(image, image.Length, out var header, out var problem), problem);
        return header;
    }

    private static void Put16(byte[] image, int offset, ushort value) =>
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(offset), value);

    private static void Put32(byte[] image, int offset, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), value);
}
