using System.Buffers.Binary;
using System.Text;

namespace VmHost.TestKit;

/// <summary>Kernel and initrd files that pass every check, for hypervisors that do not look into them.</summary>
public static class FakeImages
{
    private const int SetupSectors = 1;

    /// <summary>Writes PREFIX-kernel, PREFIX-initrd.img and PREFIX-cmdline and returns the prefix.</summary>
    public static string Write(string directory, string name, string commandLine)
    {
        var prefix = Path.Combine(directory, name);
        File.WriteAllBytes(prefix + "-kernel", Kernel());
        File.WriteAllText(prefix + "-initrd.img", "070701: the rest is not looked into");
        File.WriteAllText(prefix + "-cmdline", commandLine + "\n");
        return prefix;
    }

    /// <summary>A bzImage header (Documentation/arch/x86/boot.rst) with nothing behind it.</summary>
    public static byte[] Kernel()
    {
        var kernel = new byte[(SetupSectors + 1 + 8) * 512];
        kernel[0x1f1] = SetupSectors;
        BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(0x1f4), 8 * 512 / 16);
        BinaryPrimitives.WriteUInt16LittleEndian(kernel.AsSpan(0x1fe), 0xaa55);
        Encoding.ASCII.GetBytes("HdrS").CopyTo(kernel, 0x202);
        BinaryPrimitives.WriteUInt16LittleEndian(kernel.AsSpan(0x206), 0x020f);
        kernel[0x211] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(0x22c), 0x7fffffff);
        BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(0x230), 0x200000);
        kernel[0x234] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(kernel.AsSpan(0x236), 1);
        BinaryPrimitives.WriteInt32LittleEndian(kernel.AsSpan(0x238), 2047);
        BinaryPrimitives.WriteInt64LittleEndian(kernel.AsSpan(0x258), 0x1000000);
        BinaryPrimitives.WriteInt32LittleEndian(kernel.AsSpan(0x260), 0x400000);
        return kernel;
    }
}
