using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace VmHost.LinuxKit.Tests;

/// <summary>A layer to test with: a real tar, made entry by entry.</summary>
internal sealed class TestLayer
{
    private readonly List<PaxTarEntry> _entries = [];

    internal TestLayer File(string name, string content = "", int mode = 0b110_100_100, int uid = 0, int gid = 0, DateTimeOffset? time = null) =>
        Add(new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) }, mode, uid, gid, time);

    internal TestLayer Directory(string name, int mode = 0b111_101_101, int uid = 0) => Add(new(TarEntryType.Directory, name), mode, uid);

    internal TestLayer Symlink(string name, string target) => Add(new(TarEntryType.SymbolicLink, name) { LinkName = target }, 0b111_111_111);

    internal TestLayer HardLink(string name, string target) => Add(new(TarEntryType.HardLink, name) { LinkName = target }, 0b110_100_100);

    internal TestLayer Device(string name, int major, int minor) =>
        Add(new(TarEntryType.CharacterDevice, name) { DeviceMajor = major, DeviceMinor = minor }, 0b110_110_110);

    internal TestLayer Fifo(string name) => Add(new(TarEntryType.Fifo, name), 0b110_110_110);

    internal TestLayer WithAttribute(string name, string key, string value) =>
        Add(new(TarEntryType.RegularFile, name, [KeyValuePair.Create($"SCHILY.xattr.{key}", value)]), 0b111_101_101);

    /// <summary>As other tools write it: bytes that are no text, and a line break among them.</summary>
    internal static byte[] WithBinaryAttribute(string name, string key, byte[] value, int padding = 0)
    {
        byte[] Block(string entry, char type, int size)
        {
            var header = new byte[512];
            Encoding.ASCII.GetBytes(entry).CopyTo(header, 0);
            Encoding.ASCII.GetBytes($"0000644\00000000\00000000\0{Convert.ToString(size, 8).PadLeft(11, '0')}\000000000000\0        {type}").CopyTo(header, 100);
            Encoding.ASCII.GetBytes("ustar\000").CopyTo(header, 257);
            Encoding.ASCII.GetBytes(Convert.ToString(header.Sum(one => one), 8).PadLeft(6, '0') + "\0 ").CopyTo(header, 148);
            return header;
        }

        byte[] Padded(byte[] content) => [.. content, .. new byte[(512 - content.Length % 512) % 512]];

        byte[] rest = [.. Encoding.UTF8.GetBytes($" SCHILY.xattr.{key}="), .. value, .. new byte[padding], (byte)'\n'];
        var length = rest.Length + 1;
        while ($"{length}".Length + rest.Length != length)
            length = $"{length}".Length + rest.Length;
        byte[] record = [.. Encoding.ASCII.GetBytes($"{length}"), .. rest];
        return [.. Block("PaxHeaders/x", 'x', record.Length), .. Padded(record), .. Block(name, '0', 7), .. Padded("content"u8.ToArray()), .. Block("next", '0', 0), .. new byte[1024]];
    }

    internal byte[] Tar()
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var entry in _entries)
            {
                if (entry.DataStream is { } data)
                    data.Position = 0;
                tar.WriteEntry(entry);
            }
        }

        return bytes.ToArray();
    }

    internal static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(content);
        return packed.ToArray();
    }

    internal static byte[] Zstd(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var zstd = new ZstdSharp.CompressionStream(packed, 3))
            zstd.Write(content);
        return packed.ToArray();
    }

    private TestLayer Add(PaxTarEntry entry, int mode, int uid = 0, int gid = 0, DateTimeOffset? time = null)
    {
        (entry.Mode, entry.Uid, entry.Gid) = ((UnixFileMode)mode, uid, gid);
        entry.ModificationTime = time ?? DateTimeOffset.FromUnixTimeSeconds(1_000_000_000);
        _entries.Add(entry);
        return this;
    }
}
