using System.Buffers.Binary;

namespace VmHost.ShimContract.Wire;

/// <summary>
/// The unit of the shim's protocol: u32 length of all that follows it, u16 version, u16 type, payload. Little-endian. A
/// machine runs for months beside the shim that it was started with, so what a version says never changes: a daemon serves
/// all shims from <see cref="LowestVersion"/> on. What is new gets a new type, and a version of its own only where an older
/// peer would take it amiss.
/// </summary>
public static class Frame
{
    /// <summary>The version spoken here.</summary>
    public const ushort Version = 1;

    /// <summary>The lowest version understood here. 0 was what became 1.</summary>
    public const ushort LowestVersion = 0;

    public const int HeaderSize = 8;

    /// <summary>The most bytes that a frame has, header included.</summary>
    public const int MaxSize = 64 << 10;

    public const int MaxPayload = MaxSize - HeaderSize;

    /// <summary>Writes a whole frame and returns its size.</summary>
    public static int Write(Span<byte> target, FrameType type, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > MaxPayload)
            throw new ArgumentException($"a frame holds at most {MaxPayload} bytes", nameof(payload));

        BinaryPrimitives.WriteInt32LittleEndian(target, HeaderSize - 4 + payload.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(target[4..], Version);
        BinaryPrimitives.WriteUInt16LittleEndian(target[6..], (ushort)type);
        payload.CopyTo(target[HeaderSize..]);
        return HeaderSize + payload.Length;
    }

    public static byte[] Of(FrameType type, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[HeaderSize + payload.Length];
        _ = Write(frame, type, payload);
        return frame;
    }
}

/// <summary>Cuts a stream of bytes into frames.</summary>
public sealed class FrameBuffer
{
    // What a shim says is short, and a daemon has a buffer for each machine: only a long frame makes it grow.
    private const int InitialSize = 512;

    private byte[] _bytes = new byte[InitialSize];
    private int _start;
    private int _end;

    /// <summary>Where to put the bytes that come in; never empty once all whole frames were taken.</summary>
    public Memory<byte> Free
    {
        get
        {
            if (_start > 0)
            {
                _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
                (_start, _end) = (0, _end - _start);
            }

            if (_end == _bytes.Length)
                Array.Resize(ref _bytes, Math.Min(2 * _bytes.Length, Frame.MaxSize));

            return _bytes.AsMemory(_end);
        }
    }

    public void Received(int count) => _end += count;

    /// <summary>Takes the next whole frame; its payload is valid until <see cref="Free"/> is asked for.</summary>
    /// <exception cref="InvalidDataException">The length is out of range: this is no stream of frames.</exception>
    public bool TryTake(out FrameType type, out ReadOnlySpan<byte> payload)
    {
        type = default;
        payload = default;
        var available = _bytes.AsSpan(_start, _end - _start);
        if (available.Length < 4)
            return false;

        var length = BinaryPrimitives.ReadInt32LittleEndian(available);
        if (length is < Frame.HeaderSize - 4 or > Frame.MaxSize - 4)
            throw new InvalidDataException($"a frame of {length} bytes is out of range");

        if (available.Length < 4 + length)
            return false;

        type = (FrameType)BinaryPrimitives.ReadUInt16LittleEndian(available[6..]);
        payload = available[Frame.HeaderSize..(4 + length)];
        _start += 4 + length;
        return true;
    }
}
