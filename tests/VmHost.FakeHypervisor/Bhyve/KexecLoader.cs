using System.Buffers.Binary;
using System.Text;

namespace VmHost.FakeHypervisor.Bhyve;

/// <summary>The kernel loader of both (<c>firmware/kexec.c</c>): what it takes, with the one line that it has for every fault.</summary>
internal static class KexecLoader
{
    private const int HeaderEnd = 0x268;
    private const long LowMemoryLimit = 3L << 30;
    private const long PageSize = 4096;
    private const long LoadMinimum = 0x100000;

    /// <summary>Throws <see cref="Refusal"/>.</summary>
    internal static void Load(BhyveArguments arguments)
    {
        var lowMemory = Math.Min(arguments.Memory, LowMemoryLimit);
        if (ReadFile(arguments.Kernel) is not { } kernel || !TakesKernel(kernel, lowMemory, arguments.CommandLine))
            throw Refusal.Abort($"kexec: failed to load kernel {arguments.Kernel}");
        if (arguments.Initrd.Length > 0 && !TakesInitrd(arguments.Initrd, BinaryPrimitives.ReadUInt32LittleEndian(kernel.AsSpan(0x22c)), lowMemory))
            throw Refusal.Abort($"kexec: failed to load initrd {arguments.Initrd}");
    }

    private static bool TakesKernel(byte[] kernel, long lowMemory, string commandLine)
    {
        if (kernel.Length < HeaderEnd)
            return false;

        var header = new Header(kernel);
        var size = (header.SetupSectors + 1L) * 512;
        if (header.SetupSectors == 0 || kernel.Length < (uint)(size + (header.SystemSize * 16)) || header.BootFlag != 0xaa55
            || header.Magic != 0x53726448 || header.Version < 0x020a || (header.LoadFlags & 1) == 0
            || Encoding.UTF8.GetByteCount(commandLine) + 1 > header.CommandLineSize)
        {
            return false;
        }

        var start = header.IsRelocatable ? AlignUp(LoadMinimum, header.Alignment) : header.PreferredAddress;
        var initSize = AlignUp(header.InitSize, PageSize);
        return start >= LoadMinimum && kernel.Length - size <= initSize && start + initSize <= lowMemory;
    }

    // Neither an overlap with the kernel nor the contents are looked at.
    private static bool TakesInitrd(string path, uint addressMaximum, long lowMemory)
    {
        var size = ReadFile(path)?.LongLength ?? 0;
        var maximum = Math.Min(addressMaximum, lowMemory - 1);
        if (size == 0 || size > maximum)
            return false;   // the real one wraps around, and writes where it must not or fails

        return ((maximum - size) / PageSize * PageSize) + size <= lowMemory;
    }

    private static byte[]? ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long AlignUp(long value, long alignment) => alignment == 0 ? value : (value + alignment - 1) / alignment * alignment;

    /// <summary>Documentation/arch/x86/boot.rst.</summary>
    private readonly ref struct Header(ReadOnlySpan<byte> kernel)
    {
        private readonly ReadOnlySpan<byte> _kernel = kernel;

        internal byte SetupSectors => _kernel[0x1f1];

        internal uint SystemSize => BinaryPrimitives.ReadUInt32LittleEndian(_kernel[0x1f4..]);

        internal ushort BootFlag => BinaryPrimitives.ReadUInt16LittleEndian(_kernel[0x1fe..]);

        internal uint Magic => BinaryPrimitives.ReadUInt32LittleEndian(_kernel[0x202..]);

        internal ushort Version => BinaryPrimitives.ReadUInt16LittleEndian(_kernel[0x206..]);

        internal byte LoadFlags => _kernel[0x211];

        internal uint Alignment => BinaryPrimitives.ReadUInt32LittleEndian(_kernel[0x230..]);

        internal bool IsRelocatable => _kernel[0x234] != 0;

        internal uint CommandLineSize => BinaryPrimitives.ReadUInt32LittleEndian(_kernel[0x238..]);

        internal long PreferredAddress => BinaryPrimitives.ReadInt64LittleEndian(_kernel[0x258..]);

        internal uint InitSize => BinaryPrimitives.ReadUInt32LittleEndian(_kernel[0x260..]);
    }
}
