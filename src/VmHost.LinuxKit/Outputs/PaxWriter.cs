using System.Globalization;
using System.Text;
using VmHost.LinuxKit.Assembly;

namespace VmHost.LinuxKit.Outputs;

/// <summary>
/// A tar with PAX records. The framework's own writer puts the number of its process into the archive, so that no two runs give the same
/// bytes. Source: POSIX.1-2017 <c>pax</c>, ustar and pax interchange formats.
/// </summary>
/// <param name="output">Written in order; not closed.</param>
internal sealed class PaxWriter(Stream output)
{
    private const int BlockBytes = 512;
    private const int MaxName = 100;
    private const int MaxOctal7 = 0x1FFFFF;
    private const long MaxOctal11 = 0x1FFFFFFFF;

    private readonly byte[] _buffer = new byte[256 << 10];

    internal void Write(Entry entry)
    {
        var name = entry.Type == EntryType.Directory && !entry.Name.EndsWith('/') ? entry.Name + "/" : entry.Name;
        var records = Records(entry, name);
        if (records.Length > 0)
        {
            Header("PaxHeaders/entry", 'x', FileModes.File, 0, 0, 0, records.Length, "", 0, 0);
            output.Write(records);
            Pad(records.Length);
        }

        var type = entry.Type switch
        {
            EntryType.Directory => '5',
            EntryType.Symlink => '2',
            EntryType.HardLink => '1',
            EntryType.CharacterDevice => '3',
            EntryType.BlockDevice => '4',
            EntryType.Fifo => '6',
            _ => '0',
        };
        Header(name, type, entry.Mode, entry.Uid, entry.Gid, entry.Time, entry.Size, entry.Target, entry.DeviceMajor, entry.DeviceMinor);
        entry.CopyContent(_buffer, output.Write);
        Pad(entry.Size);
    }

    /// <summary>Ends the archive.</summary>
    internal void Finish() => output.Write(new byte[2 * BlockBytes]);

    private static byte[] Records(Entry entry, string name)
    {
        var records = new List<(string Key, byte[] Value)>();
        if (entry.Source.Length > 0)
            records.AddRange([("LINUXKIT.location", Encoding.UTF8.GetBytes(entry.Location)), ("LINUXKIT.source", Encoding.UTF8.GetBytes(entry.Source))]);
        records.AddRange(entry.Attributes.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value)));
        if (Encoding.UTF8.GetByteCount(name) > MaxName || !Ascii.IsValid(name))
            records.Add(("path", Encoding.UTF8.GetBytes(name)));
        if (Encoding.UTF8.GetByteCount(entry.Target) > MaxName || !Ascii.IsValid(entry.Target))
            records.Add(("linkpath", Encoding.UTF8.GetBytes(entry.Target)));
        AddNumber(records, "uid", entry.Uid, MaxOctal7);
        AddNumber(records, "gid", entry.Gid, MaxOctal7);
        AddNumber(records, "size", entry.Size, MaxOctal11);
        AddNumber(records, "mtime", entry.Time, MaxOctal11);

        using var bytes = new MemoryStream();
        foreach (var (key, value) in records)
            bytes.Write(Record(key, value));
        return bytes.ToArray();
    }

    private static void AddNumber(List<(string Key, byte[] Value)> records, string key, long value, long max)
    {
        if (value < 0 || value > max)
            records.Add((key, Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture))));
    }

    // "LENGTH KEY=VALUE\n", where the length counts its own digits too.
    private static byte[] Record(string key, byte[] value)
    {
        byte[] rest = [.. Encoding.UTF8.GetBytes($" {key}="), .. value, (byte)'\n'];
        var length = rest.Length + 1;
        while (length.ToString(CultureInfo.InvariantCulture).Length + rest.Length != length)
            length = length.ToString(CultureInfo.InvariantCulture).Length + rest.Length;
        return [.. Encoding.ASCII.GetBytes(length.ToString(CultureInfo.InvariantCulture)), .. rest];
    }

    private void Header(string name, char type, int mode, long uid, long gid, long time, long size, string target, int major, int minor)
    {
        Span<byte> header = stackalloc byte[BlockBytes];
        header.Clear();
        Text(header[..MaxName], name);
        Octal(header.Slice(100, 8), mode);
        Octal(header.Slice(108, 8), uid is < 0 or > MaxOctal7 ? 0 : uid);
        Octal(header.Slice(116, 8), gid is < 0 or > MaxOctal7 ? 0 : gid);
        Octal(header.Slice(124, 12), size > MaxOctal11 ? 0 : size);
        Octal(header.Slice(136, 12), time is < 0 or > MaxOctal11 ? 0 : time);
        header.Slice(148, 8).Fill((byte)' ');
        header[156] = (byte)type;
        Text(header.Slice(157, MaxName), target);
        "ustar\0"u8.CopyTo(header[257..]);
        "00"u8.CopyTo(header[263..]);
        Octal(header.Slice(329, 8), major);
        Octal(header.Slice(337, 8), minor);
        var sum = 0;
        foreach (var value in header)
            sum += value;
        Octal(header.Slice(148, 7), sum);
        output.Write(header);
    }

    private static void Text(Span<byte> field, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        bytes.AsSpan(0, Math.Min(bytes.Length, field.Length)).CopyTo(field);
    }

    // With a NUL behind it.
    private static void Octal(Span<byte> field, long value)
    {
        for (var at = field.Length - 2; at >= 0; at--, value >>= 3)
            field[at] = (byte)('0' + (value & 7));
        field[^1] = 0;
    }

    private void Pad(long size) => output.Write(new byte[(int)((BlockBytes - size % BlockBytes) % BlockBytes)]);
}
