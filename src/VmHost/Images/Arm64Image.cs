using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace VmHost.Images;

/// <summary>
/// The header of an uncompressed arm64 Linux kernel, as far as it decides whether it fits. Fields and offsets: Linux,
/// <c>Documentation/arch/arm64/booting.rst</c>.
/// </summary>
/// <param name="TextOffset">Where it is put, in bytes from a 2 MiB boundary.</param>
/// <param name="ImageSize">Memory that it uses from there, in bytes.</param>
public sealed record Arm64Image(long TextOffset, long ImageSize)
{
    /// <summary>What the kernel takes, in bytes without the NUL.</summary>
    public const int MaxCommandLineBytes = 2047;

    private const int HeaderLength = 64;
    private const int MagicOffset = 56;
    private const long Boundary = 2 << 20;

    /// <summary>The first address behind the running kernel, from the start of memory.</summary>
    public long RunEnd => Boundary + TextOffset + ImageSize;

    /// <summary>Reads the header; null when the file is no such kernel.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Arm64Image? TryRead(SafeFileHandle file)
    {
        var head = new byte[HeaderLength];
        return RandomAccess.Read(file, head, 0) == HeaderLength ? TryParse(head) : null;
    }

    /// <summary>Reads the header out of the first 64 bytes of a file; null when it is no such kernel.</summary>
    public static Arm64Image? TryParse(ReadOnlySpan<byte> head) =>
        head.Length >= HeaderLength && head[MagicOffset..].StartsWith("ARMd"u8)
            ? new(Clamped(head, 8), Clamped(head, 16))
            : null;

    /// <summary>What is wrong with it, to be put behind the file's name; null when nothing is.</summary>
    public string? Problem =>
        ImageSize == 0
            ? "is an arm64 kernel older than Linux 3.17, whose header does not tell its size; use a newer kernel"
            : RunEnd > 3L << 30
                ? string.Create(CultureInfo.InvariantCulture, $"has a damaged header (it wants to run up to address 0x{RunEnd:x}); copy it again")
                : null;

    // So that no sum overflows.
    private static long Clamped(ReadOnlySpan<byte> head, int offset) =>
        (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(head[offset..]), long.MaxValue / 4);
}
