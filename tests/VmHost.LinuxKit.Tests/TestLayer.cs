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
    internal static byte[] WithBinaryAttribute(string name, string key, byte[] value, int padding = 0) =>
        new RawTar().Records(($"SCHILY.xattr.{key}", [.. value, .. new byte[padding]])).Entry(name, '0', "content").Entry("next", '0').Bytes();

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
