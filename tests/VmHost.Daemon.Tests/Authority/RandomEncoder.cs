using System.Text;

namespace VmHost.Daemon.Tests.Authority;

/// <summary>An HPACK encoder that picks among the representations that it may use: the client's side of a connection.</summary>
/// <param name="dice">Decides.</param>
internal sealed class RandomEncoder(Random dice)
{
    private const int ServerTableSize = 4096;

    private static readonly (string Name, string Value)[] Static =
    [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"), (":scheme", "http"),
    ];

    private static readonly Dictionary<string, int> StaticNames = new(StringComparer.Ordinal)
    {
        [":authority"] = 1,
        [":method"] = 3,
        [":path"] = 4,
        [":scheme"] = 6,
        ["content-type"] = 31,
        ["host"] = 38,
        ["user-agent"] = 58,
    };

    private const int StaticCount = 61;

    // The newest first.
    private readonly List<(string Name, string Value)> _table = [];
    private readonly List<byte> _block = [];
    private int _tableSize = ServerTableSize;

    internal byte[] Encode(IEnumerable<(string Name, string Value)> headers)
    {
        _block.Clear();
        if (dice.Next(8) == 0)
            Resize();
        foreach (var header in headers)
            Encode(header.Name, header.Value);

        return [.. _block];
    }

    private void Resize()
    {
        // Two updates are allowed: down to the least, then to the last.
        if (dice.Next(2) == 0)
            ResizeTo(dice.Next(_tableSize + 1));

        ResizeTo(dice.Next(4) switch { 0 => 0, 1 => dice.Next(40, 160), 2 => ServerTableSize, _ => dice.Next(ServerTableSize + 1) });
    }

    private void ResizeTo(int size)
    {
        _tableSize = size;
        Evict(size);
        WriteInteger(0x20, 5, size);
    }

    private void Encode(string name, string value)
    {
        var known = _table.IndexOf((name, value));
        if (known >= 0 && dice.Next(8) > 0)
        {
            WriteInteger(0x80, 7, StaticCount + 1 + known);
            return;
        }

        var entry = Array.IndexOf(Static, (name, value));
        if (entry >= 0)
        {
            WriteInteger(0x80, 7, entry + 1);
            return;
        }

        // A name of the dynamic table is left out for the two that are rewritten: the rewriter lets those pass, and says so.
        var nameIndex = dice.Next(3) > 0 ? StaticNames.GetValueOrDefault(name) : 0;
        switch (dice.Next(4))
        {
            case 0:
                WriteInteger(0, 4, nameIndex);
                break;
            case 1:
                WriteInteger(0x10, 4, nameIndex);
                break;
            default:
                WriteInteger(0x40, 6, nameIndex);
                Add(name, value);
                break;
        }

        if (nameIndex == 0)
            WriteString(name);
        WriteString(value);
    }

    private void Add(string name, string value)
    {
        var size = SizeOf((name, value));
        Evict(_tableSize - size);
        if (size <= _tableSize)
            _table.Insert(0, (name, value));
    }

    private void Evict(int limit)
    {
        while (_table.Count > 0 && _table.Sum(SizeOf) > limit)
            _table.RemoveAt(_table.Count - 1);
    }

    private static int SizeOf((string Name, string Value) entry) => entry.Name.Length + entry.Value.Length + 32;

    private void WriteString(string text)
    {
        var octets = Encoding.Latin1.GetBytes(text);
        var isHuffman = dice.Next(2) == 0;
        if (isHuffman)
            octets = HuffmanCode.Encode(octets);

        WriteInteger(isHuffman ? 0x80 : 0, 7, octets.Length);
        _block.AddRange(octets);
    }

    private void WriteInteger(int pattern, int prefixBits, int value)
    {
        var prefix = (1 << prefixBits) - 1;
        if (value < prefix)
        {
            _block.Add((byte)(pattern | value));
            return;
        }

        _block.Add((byte)(pattern | prefix));
        for (value -= prefix; value >= 0x80; value >>= 7)
            _block.Add((byte)(value | 0x80));

        _block.Add((byte)value);
    }
}
