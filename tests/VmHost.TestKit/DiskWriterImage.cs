namespace VmHost.TestKit;

/// <summary>
/// A guest of 80 bytes that QEMU boots in a moment, in the place of a kernel: it writes 'A' to the console, fills 4 MiB of the
/// first disk by the BIOS, with a 'w' for each 32 KiB ('!' if that failed, and once more), writes 'D', and stays.
/// </summary>
public static class DiskWriterImage
{
    /// <summary>How much of the disk it fills.</summary>
    public const int DiskBytes = 4 << 20;

    // Of the header (boot.rst): where a kernel's real-mode part begins to run, in its own segment at offset 0.
    private const int Entry = 0x200;
    private const int Code = 0x268;

    private static readonly byte[] Jump = [0xeb, Code - Entry - 2];

    private static readonly byte[] Program =
    [
        0x8c, 0xc8,                                // mov ax, cs
        0x8e, 0xd8, 0x8e, 0xc0,                    // mov ds, ax; mov es, ax
        0xba, 0xf8, 0x03, 0xb0, (byte)'A', 0xee,   // out COM1, 'A'
        0x66, 0x31, 0xdb,                          // xor ebx, ebx
        0x66, 0x89, 0x1e, 0xb0, 0x00,              // again: mov [sector], ebx
        0xbe, 0xa8, 0x00, 0xb8, 0x01, 0x43,        // mov si, packet; mov ax, 4301h
        0xb2, 0x80, 0xcd, 0x13,                    // mov dl, 80h; int 13h: write to the first disk
        0xba, 0xf8, 0x03, 0x72, 0x15,              // jc failed
        0xb0, (byte)'w', 0xee,                     // out COM1, 'w'
        0x66, 0x83, 0xc3, 0x40,                    // add ebx, 64
        0x66, 0x81, 0xfb, 0x00, 0x20, 0x00, 0x00,  // cmp ebx, 2000h
        0x72, 0xdc,                                // jb again
        0xb0, (byte)'D', 0xee, 0xeb, 0x05,         // out COM1, 'D'; jmp stay
        0xb0, (byte)'!', 0xee, 0xeb, 0xd2,         // failed: out COM1, '!'; jmp again
        0xf4, 0xeb, 0xfd,                          // stay: hlt; jmp stay
        0x10, 0x00, 0x40, 0x00,                    // packet: 16 bytes long, 64 sectors
        0x00, 0x00, 0x00, 0x10,                    // from 1000h:0
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ];

    /// <summary>Writes PREFIX-kernel, PREFIX-initrd.img and PREFIX-cmdline and returns the prefix.</summary>
    public static string Write(string directory, string name)
    {
        var prefix = FakeImages.Write(directory, name, "console=ttyS0");
        var kernel = FakeImages.Kernel();
        Jump.CopyTo(kernel, Entry);
        Program.CopyTo(kernel, Code);
        File.WriteAllBytes(prefix + "-kernel", kernel);
        return prefix;
    }
}
