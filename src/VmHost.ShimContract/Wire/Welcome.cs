using System.Buffers.Binary;
using System.Text;

namespace VmHost.ShimContract.Wire;

/// <summary>A shim's answer to HELLO: who it is. The daemon compares it with what it wrote before the spawn.</summary>
/// <param name="MinVersion">The lowest protocol version it speaks.</param>
/// <param name="MaxVersion">The highest.</param>
/// <param name="MachineId">The machine's id.</param>
/// <param name="Nonce">The launch's nonce.</param>
/// <param name="Boot">Number of the boot.</param>
/// <param name="ShimPid">The shim's process id.</param>
/// <param name="HypervisorPid">The hypervisor's process id.</param>
public sealed record Welcome(
    ushort MinVersion, ushort MaxVersion, string MachineId, string Nonce, int Boot, int ShimPid, int HypervisorPid)
{
    private const int FixedSize = 16;

    public byte[] ToPayload()
    {
        var names = Encoding.UTF8.GetBytes($"{MachineId}\n{Nonce}");
        var payload = new byte[FixedSize + names.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(payload, MinVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(2), MaxVersion);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(4), Boot);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(8), ShimPid);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(12), HypervisorPid);
        names.CopyTo(payload, FixedSize);
        return payload;
    }

    /// <exception cref="InvalidDataException">It is no such answer.</exception>
    public static Welcome FromPayload(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < FixedSize)
            throw new InvalidDataException("the shim's answer to HELLO is too short");

        var names = Encoding.UTF8.GetString(payload[FixedSize..]).Split('\n');
        if (names.Length != 2)
            throw new InvalidDataException("the shim's answer to HELLO names no machine");

        return new(
            BinaryPrimitives.ReadUInt16LittleEndian(payload),
            BinaryPrimitives.ReadUInt16LittleEndian(payload[2..]),
            names[0],
            names[1],
            BinaryPrimitives.ReadInt32LittleEndian(payload[4..]),
            BinaryPrimitives.ReadInt32LittleEndian(payload[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(payload[12..]));
    }
}

/// <summary>A shim's answer to STATUS.</summary>
/// <param name="End">End of the journal.</param>
/// <param name="LostBytes">Console bytes lost in this boot because the disk refused them.</param>
public readonly record struct StatusReply(long End, long LostBytes)
{
    public byte[] ToPayload()
    {
        var payload = new byte[16];
        BinaryPrimitives.WriteInt64LittleEndian(payload, End);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(8), LostBytes);
        return payload;
    }

    /// <exception cref="InvalidDataException">It is no such answer.</exception>
    public static StatusReply FromPayload(ReadOnlySpan<byte> payload) =>
        payload.Length == 16
            ? new(BinaryPrimitives.ReadInt64LittleEndian(payload), BinaryPrimitives.ReadInt64LittleEndian(payload[8..]))
            : throw new InvalidDataException("the shim's answer to STATUS has the wrong length");
}
