using System.Text;

namespace VmHost.LinuxKit.Tests;

/// <summary>A tar by the byte, for what no writer of good manners writes.</summary>
internal sealed class RawTar
{
    private readonly List<byte> _bytes = [];

    /// <summary>An extended header for the next entry.</summary>
    internal RawTar Records(params IReadOnlyList<(string Key, byte[] Value)> records)
    {
        byte[] content = [.. records.SelectMany(record => Record(record.Key, record.Value))];
        return Header("PaxHeaders/x"u8.ToArray(), 'x', content.Length, "", "0000000").Content(content);
    }

    internal RawTar Records(string key, string value) => Records((key, Encoding.UTF8.GetBytes(value)));

    internal RawTar Entry(string name, char type, string content = "", string target = "", string uid = "0000000") =>
        Entry(Encoding.UTF8.GetBytes(name), type, content, target, uid);

    internal RawTar Entry(byte[] name, char type, string content = "", string target = "", string uid = "0000000")
    {
        var bytes = Encoding.UTF8.GetBytes(content);
        return Header(name, type, bytes.Length, target, uid).Content(bytes);
    }

    /// <summary>A header alone, which may lie about the size of what follows.</summary>
    internal RawTar Header(byte[] name, char type, long size, string target = "", string uid = "0000000")
    {
        var header = new byte[512];
        name.CopyTo(header, 0);
        Encoding.ASCII.GetBytes($"0000644\0{uid}\00000000\0{Convert.ToString(size, 8).PadLeft(11, '0')}\000000000000\0        {type}{target}").CopyTo(header, 100);
        Encoding.ASCII.GetBytes("ustar\000").CopyTo(header, 257);
        Encoding.ASCII.GetBytes(Convert.ToString(header.Sum(one => one), 8).PadLeft(6, '0') + "\0 ").CopyTo(header, 148);
        _bytes.AddRange(header);
        return this;
    }

    internal RawTar Content(byte[] content)
    {
        _bytes.AddRange(content);
        _bytes.AddRange(new byte[(512 - content.Length % 512) % 512]);
        return this;
    }

    internal byte[] Bytes() => [.. _bytes, .. new byte[1024]];

    private static byte[] Record(string key, byte[] value)
    {
        byte[] rest = [.. Encoding.UTF8.GetBytes($" {key}="), .. value, (byte)'\n'];
        var length = rest.Length + 1;
        while ($"{length}".Length + rest.Length != length)
            length = $"{length}".Length + rest.Length;
        return [.. Encoding.ASCII.GetBytes($"{length}"), .. rest];
    }
}
