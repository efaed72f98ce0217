using System.Buffers.Binary;

namespace VmHost.Daemon.Tests.Authority;

/// <summary>Frames of HTTP/2, in all the forms that a client may give them.</summary>
internal static class HttpFrames
{
    internal const int HeaderBytes = 9;

    private const byte TypeData = 0;
    private const byte TypeHeaders = 1;
    private const byte TypeContinuation = 9;

    internal static byte[] Frame(byte type, byte flags, uint stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[HeaderBytes + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(HeaderBytes));
        return frame;
    }

    /// <summary>A header block, with or without padding, priority and CONTINUATION frames.</summary>
    internal static byte[] Headers(Random dice, uint stream, byte[] block)
    {
        var parts = Split(dice, block);
        var padding = dice.Next(3) == 0 ? (byte)dice.Next(256) : (byte?)null;
        var priority = dice.Next(3) == 0;
        byte[] payload = [.. padding is { } count ? [count] : Array.Empty<byte>(), .. priority ? new byte[] { 0, 0, 0, 0, 15 } : [], .. parts[0], .. new byte[padding ?? 0]];
        var flags = (padding is null ? 0 : 0x8) | (priority ? 0x20 : 0);
        var frames = new List<byte>(Frame(TypeHeaders, (byte)(flags | EndOf(parts, 0)), stream, payload));
        for (var part = 1; part < parts.Count; part++)
            frames.AddRange(Frame(TypeContinuation, (byte)EndOf(parts, part), stream, parts[part]));

        return [.. frames];
    }

    /// <summary>A frame of data, perhaps empty, or one of another type.</summary>
    internal static byte[] Data(Random dice, uint stream)
    {
        var payload = new byte[dice.Next(4) == 0 ? 0 : dice.Next(600)];
        dice.NextBytes(payload);
        return Frame(dice.Next(3) switch { 0 => 6, 1 => 8, _ => TypeData }, 0, stream, payload);
    }

    /// <summary>The frames one by one; a header block's frames as one, with the block.</summary>
    internal static List<(byte[] Bytes, byte[]? Block)> Parse(byte[] bytes)
    {
        var frames = new List<(byte[], byte[]?)>();
        var block = new List<byte>();
        for (var offset = 0; offset < bytes.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(offset)) >>> 8;
            var (type, flags) = (bytes[offset + 3], bytes[offset + 4]);
            var payload = bytes[(offset + HeaderBytes)..(offset + HeaderBytes + length)];
            offset += HeaderBytes + length;
            if (type is not (TypeHeaders or TypeContinuation))
            {
                frames.Add((bytes[(offset - HeaderBytes - length)..offset], null));
                continue;
            }

            var padding = (flags & 0x8) != 0 && type == TypeHeaders ? payload[0] : 0;
            var start = type == TypeHeaders ? ((flags & 0x8) != 0 ? 1 : 0) + ((flags & 0x20) != 0 ? 5 : 0) : 0;
            block.AddRange(payload[start..^padding]);
            if ((flags & 0x4) == 0)
                continue;

            frames.Add(([], [.. block]));
            block.Clear();
        }

        return frames;
    }

    private static List<byte[]> Split(Random dice, byte[] block)
    {
        var parts = new List<byte[]>();
        var offset = 0;
        while (dice.Next(3) == 0 && parts.Count < 5)
        {
            var count = dice.Next(block.Length - offset + 1);
            parts.Add(block[offset..(offset + count)]);
            offset += count;
        }

        parts.Add(block[offset..]);
        return parts;
    }

    private static int EndOf(List<byte[]> parts, int part) => part == parts.Count - 1 ? 0x4 : 0;
}
