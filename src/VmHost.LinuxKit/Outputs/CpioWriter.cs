using VmHost.LinuxKit.Assembly;

namespace VmHost.LinuxKit.Outputs;

/// <summary>
/// An initial ramdisk's archive: <c>cpio</c> in the format <c>newc</c>, with the reference tool's bytes (<c>initrd/initrd.go</c>): inodes from 721,
/// device 3:1, hard links as symlinks, and zeros up to a multiple of 512. Source: Linux <c>Documentation/driver-api/early-userspace/buffer-format.rst</c>.
/// </summary>
/// <param name="output">Written in order; not closed.</param>
internal sealed class CpioWriter(Stream output)
{
    private const string Trailer = "TRAILER!!!";
    private const int HeaderBytes = 110;
    private const int Alignment = 4;
    private const int BlockBytes = 512;
    private const uint DeviceMajor = 3;
    private const uint DeviceMinor = 1;

    private readonly byte[] _buffer = new byte[256 << 10];
    private uint _inode = 721;
    private long _written;

    /// <exception cref="LinuxKitException">It is too large for the format.</exception>
    internal void Write(Entry entry)
    {
        var (type, target) = entry.Type switch
        {
            EntryType.Directory => (4u, ""),
            EntryType.Symlink => (10u, entry.Target),
            EntryType.HardLink => (10u, EntryPath.Relative(entry.Name, entry.Target)),
            EntryType.CharacterDevice => (2u, ""),
            EntryType.BlockDevice => (6u, ""),
            EntryType.Fifo => (1u, ""),
            _ => (8u, ""),
        };
        var data = System.Text.Encoding.UTF8.GetBytes(target);
        var size = type == 8 ? entry.Size : data.Length;
        if (size > uint.MaxValue)
            throw new LinuxKitException($"{entry.Origin}: {entry.Name} has {size} bytes; an initrd's files have less than 4 GiB");

        Header(entry.Name, (uint)entry.Mode | type << 12, (uint)entry.Uid, (uint)entry.Gid, entry.Type == EntryType.Directory ? 2u : 1u, (uint)Math.Clamp(entry.Time, 0, uint.MaxValue), (uint)size, (uint)entry.DeviceMajor, (uint)entry.DeviceMinor);
        if (type == 8)
            entry.CopyContent(_buffer, Put);
        else
            Put(data);
        Pad(Alignment);
    }

    /// <summary>Ends the archive.</summary>
    internal void Finish()
    {
        Header(Trailer, 0, 0, 0, 1, 0, 0, 0, 0);
        Pad(BlockBytes);
    }

    private void Header(string name, uint mode, uint uid, uint gid, uint links, uint time, uint size, uint deviceMajor, uint deviceMinor)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(name);
        Span<byte> header = stackalloc byte[HeaderBytes];
        "070701"u8.CopyTo(header);
        ReadOnlySpan<uint> fields = [_inode++, mode, uid, gid, links, time, size, DeviceMajor, DeviceMinor, deviceMajor, deviceMinor, (uint)bytes.Length + 1, 0];
        for (var i = 0; i < fields.Length; i++)
            System.Buffers.Text.Utf8Formatter.TryFormat(fields[i], header.Slice(6 + 8 * i, 8), out _, new('x', 8));
        Put(header);
        Put(bytes);
        Put([0]);
        Pad(Alignment);
    }

    private void Pad(int multiple)
    {
        Span<byte> zeros = stackalloc byte[BlockBytes];
        zeros.Clear();
        Put(zeros[..(int)((multiple - _written % multiple) % multiple)]);
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        output.Write(bytes);
        _written += bytes.Length;
    }
}
