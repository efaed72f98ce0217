using System.Buffers.Binary;

namespace VmHost.ShimContract.Wire;

/// <summary>The payload of <see cref="FrameType.InputAt"/> before its data.</summary>
/// <param name="Session">Identifies the sequence of input.</param>
/// <param name="Offset">Number of bytes in the session before the data.</param>
public readonly record struct InputAt(Guid Session, long Offset)
{
    /// <summary>In bytes.</summary>
    public const int Size = 24;

    /// <summary>The most data in one frame, in bytes.</summary>
    public const int MaxData = Frame.MaxPayload - Size;

    /// <summary>Returns the payload of a frame.</summary>
    public byte[] ToPayload(ReadOnlySpan<byte> data)
    {
        var payload = new byte[Size + data.Length];
        Session.TryWriteBytes(payload);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(16), Offset);
        data.CopyTo(payload.AsSpan(Size));
        return payload;
    }

    /// <summary>Splits a payload.</summary>
    /// <returns>False if it is too short, or its offset is negative.</returns>
    public static bool TryRead(ReadOnlySpan<byte> payload, out InputAt input, out ReadOnlySpan<byte> data)
    {
        input = default;
        data = default;
        if (payload.Length < Size || BinaryPrimitives.ReadInt64LittleEndian(payload[16..]) is var offset && offset < 0)
            return false;

        input = new(new Guid(payload[..16]), offset);
        data = payload[Size..];
        return true;
    }
}
