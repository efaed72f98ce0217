using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace VmHost.Images;

/// <summary>
/// The setup header of an x86 Linux kernel, as far as it decides whether and where a loader takes it. A header that was
/// parsed is one that xhyve's and HyperKit's loader accept (<c>firmware/kexec.c</c>), and so QEMU's, which asks for less.
/// Field names and offsets: Linux, <c>Documentation/arch/x86/boot.rst</c>.
/// </summary>
public sealed record BzImageHeader
{
    /// <summary>Bytes at the start of a kernel that hold all that is read here: the version string may stand far behind.</summary>
    public const int HeadLength = 0xffff + 0x200 + MaxVersionLength + 1;

    /// <summary>What x86 kernels have taken since 2.6.22, in bytes without the NUL.</summary>
    public const int UsualMaxCommandLineBytes = 2046;

    /// <summary>Where a loader puts a relocatable kernel at the earliest: 1 MiB.</summary>
    public const long LowestAddress = 0x100000;

    private const int MinLength = 0x1f1 + 0x7b;
    private const int MaxVersionLength = 255;
    private const int PageSize = 4096;
    private const string Cure = "give an x86-64 bzImage, usually named vmlinuz or bzImage";

    private static readonly SearchValues<byte> NoTextBytes = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Where(static b => b is not ('\t' or '\n' or '\r' or '\f' or 0x1b)).Select(static b => (byte)b), 0x7f]);

    private BzImageHeader()
    {
    }

    /// <summary>Boot protocol, such as 2.15; at least 2.10 (Linux 2.6.31).</summary>
    public required Version ProtocolVersion { get; init; }

    /// <summary>
    /// The longest command line, in bytes without the NUL. One less than <c>cmdline_size</c>, which Linux means without
    /// the NUL but xhyve's loader with it.
    /// </summary>
    public required int MaxCommandLineBytes { get; init; }

    /// <summary>The kernel can run at another address than <see cref="PrefAddress"/>.</summary>
    public required bool Relocatable { get; init; }

    /// <summary>What the kernel's address must be a multiple of, in bytes; a power of two.</summary>
    public required long Alignment { get; init; }

    /// <summary>Where the kernel wants to run, in bytes from the start of memory.</summary>
    public required long PrefAddress { get; init; }

    /// <summary>Memory that the kernel uses from where it runs, before it knows the memory map; in bytes, as in the header.</summary>
    public required long InitSize { get; init; }

    /// <summary>The last address that the initial ramdisk may occupy.</summary>
    public required long InitrdAddrMax { get; init; }

    /// <summary>Such as <c>6.1.0-44-cloud-amd64 (debian-kernel@lists.debian.org) #1 SMP …</c>; null when there is none in printable ASCII.</summary>
    public required string? KernelVersion { get; init; }

    /// <summary>Where a loader puts the kernel.</summary>
    public long LoadAddress => Relocatable ? AlignUp(LowestAddress, Alignment) : PrefAddress;

    /// <summary>
    /// The first address behind the running kernel. The decompressor moves it up to <see cref="PrefAddress"/> when it was
    /// loaded below; loaders do not check that, and the guest is dead without a word when the memory ends before.
    /// </summary>
    public long RunEnd => Math.Max(LoadAddress, PrefAddress) + AlignUp(InitSize, PageSize);

    /// <summary>Reads the header of an open kernel.</summary>
    /// <param name="file">Open for reading.</param>
    /// <param name="fileSize">In bytes.</param>
    /// <param name="header">Null when there is a problem.</param>
    /// <param name="problem">As <see cref="TryParse"/>.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static bool TryRead(
        SafeFileHandle file,
        long fileSize,
        [NotNullWhen(true)] out BzImageHeader? header,
        [NotNullWhen(false)] out string? problem)
    {
        var head = new byte[Math.Min(fileSize, HeadLength)];
        var length = 0;
        while (length < head.Length)
        {
            var read = RandomAccess.Read(file, head.AsSpan(length), length);
            if (read == 0)
                break;
            length += read;
        }

        return TryParse(head.AsSpan(0, length), fileSize, out header, out problem);
    }

    /// <summary>Reads the header out of the first bytes of a kernel.</summary>
    /// <param name="head">The first <see cref="HeadLength"/> bytes, or all there are.</param>
    /// <param name="fileSize">Of the whole kernel, in bytes.</param>
    /// <param name="header">Null when there is a problem.</param>
    /// <param name="problem">
    /// What the file is instead and the cure, to be put behind the file's name: <c>is a text file, …</c>. Null when it is a
    /// kernel.
    /// </param>
    public static bool TryParse(
        ReadOnlySpan<byte> head,
        long fileSize,
        [NotNullWhen(true)] out BzImageHeader? header,
        [NotNullWhen(false)] out string? problem)
    {
        header = null;
        problem = OtherFormatOf(head) ?? HeaderProblemOf(head, fileSize);
        if (problem is not null)
            return false;

        var parsed = Parse(head);
        problem = PlacementProblemOf(parsed, fileSize - SetupLength(head));
        if (problem is not null)
            return false;

        header = parsed;
        return true;
    }

    private static BzImageHeader Parse(ReadOnlySpan<byte> head)
    {
        var version = U16(head, 0x206);
        return new()
        {
            ProtocolVersion = new Version(version >> 8, version & 0xff),
            MaxCommandLineBytes = (int)Math.Clamp((long)U32(head, 0x238) - 1, 0, int.MaxValue),
            Relocatable = head[0x234] != 0,
            Alignment = U32(head, 0x230),
            // Clamped, so that no sum overflows; the placement is checked next.
            PrefAddress = (long)Math.Min(U64(head, 0x258), long.MaxValue / 4),
            InitSize = U32(head, 0x260),
            InitrdAddrMax = U32(head, 0x22c),
            KernelVersion = VersionOf(head),
        };
    }

    private static string? OtherFormatOf(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("\x7f"u8) && head[1..].StartsWith("ELF"u8))
            return $"is an ELF file (an unpacked vmlinux), which loaders cannot boot directly; {Cure}";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
            return $"is compressed with gzip (an Image.gz of another architecture, or a packed kernel); unpack it with gunzip, or {Cure}";
        if (head.Length >= 8 && head[4..].StartsWith("zimg"u8))
            return $"is an EFI zboot image, which only EFI firmware can start; {Cure}";
        if (head.Length >= 60 && U32(head, 56) == 0x644d5241)
            return $"is a kernel for arm64, and the machine is an x86-64 one; {Cure}";
        if (!HasMagic(head) && LooksLikeText(head))
            return $"is a text file and no Linux kernel; {Cure}";

        return null;
    }

    private static string? HeaderProblemOf(ReadOnlySpan<byte> head, long fileSize)
    {
        if (fileSize < MinLength || head.Length < MinLength)
        {
            return HasMagic(head)
                ? Invariant($"is truncated: it ends after {fileSize} bytes, within the kernel's header; copy it again")
                : Invariant($"is too short for a Linux kernel ({fileSize} bytes); {Cure}");
        }

        var version = U16(head, 0x206);
        if (!HasMagic(head))
            return $"is no Linux kernel: it has no boot header (0xAA55 and 'HdrS'); {Cure}";
        if (version < 0x020a)
            return Invariant($"uses boot protocol {version >> 8}.{version & 0xff:00}, and 2.10 (Linux 2.6.31) is the oldest that can be booted; use a newer kernel");
        if (head[0x1f1] == 0)
            return $"has a damaged boot header (setup_sects is 0); {Cure}";
        if ((head[0x211] & 1) == 0)
            return $"is a zImage, which is loaded below 1 MiB; {Cure}";

        // Said since protocol 2.12 (Linux 3.8); of older ones nobody knows.
        if (version >= 0x020c && (U16(head, 0x236) & 1) == 0)
            return $"is a 32-bit kernel, and the machine is an x86-64 one; {Cure}";

        var need = SetupLength(head) + (U32(head, 0x1f4) * 16L);
        if (fileSize < need)
            return Invariant($"is truncated: its header tells of {need} bytes, and it has {fileSize}; copy it again");

        return null;
    }

    private static string? PlacementProblemOf(BzImageHeader header, long kernelSize)
    {
        if (header.Relocatable && !BitOperations.IsPow2(header.Alignment))
            return Invariant($"has a damaged boot header (kernel_alignment is {header.Alignment}, which is no power of two); {Cure}");
        if (header.LoadAddress < LowestAddress)
            return Invariant($"has a damaged boot header (it wants to be loaded at 0x{header.LoadAddress:x}, below 1 MiB); {Cure}");
        if (kernelSize > AlignUp(header.InitSize, PageSize))
            return Invariant($"has a damaged boot header ({kernelSize} bytes of kernel, but init_size is {header.InitSize}); {Cure}");

        return null;
    }

    private static bool HasMagic(ReadOnlySpan<byte> head) =>
        head.Length >= 0x206 && U16(head, 0x1fe) == 0xAA55 && head[0x202..].StartsWith("HdrS"u8);

    // As 'file' does it, roughly: UTF-8 letters count, any control character but white space does not.
    private static bool LooksLikeText(ReadOnlySpan<byte> head) =>
        !head.IsEmpty && head[..Math.Min(head.Length, 512)].IndexOfAny(NoTextBytes) < 0;

    private static string? VersionOf(ReadOnlySpan<byte> head)
    {
        var offset = U16(head, 0x20e);
        var start = offset + 0x200;
        if (offset == 0 || start >= head.Length || start >= SetupLength(head))
            return null;

        var text = head[start..];
        var end = text[..Math.Min(text.Length, MaxVersionLength + 1)].IndexOf((byte)0);
        if (end <= 0 || text[..end].ContainsAnyExceptInRange((byte)' ', (byte)'~'))
            return null;

        return Encoding.ASCII.GetString(text[..end]);
    }

    private static int SetupLength(ReadOnlySpan<byte> head) => (head[0x1f1] + 1) * 512;

    private static long AlignUp(long value, long alignment) => (value + alignment - 1) & -alignment;

    private static ushort U16(ReadOnlySpan<byte> head, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(head[offset..]);

    private static uint U32(ReadOnlySpan<byte> head, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(head[offset..]);

    private static ulong U64(ReadOnlySpan<byte> head, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(head[offset..]);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
