using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace VmHost.LinuxKit.Outputs;

/// <summary>
/// One gzip member, packed by several threads: each block of 1 MiB is packed for itself and ends on a byte, so that the blocks in a row are
/// one stream, and the bytes are the same for any number of threads. It has to be one member: Linux takes what follows a member for the next
/// archive. Source: RFC 1951 and 1952; Linux <c>init/initramfs.c</c>.
/// </summary>
/// <param name="output">Written in order; not closed.</param>
/// <param name="threads">That pack, at least 1.</param>
internal sealed class ParallelGzipStream(Stream output, int threads) : WriteOnlyStream
{
    private const int BlockBytes = 1 << 20;

    // The blocks on their way, the oldest first: memory is bounded by twice as many as there are threads.
    private readonly Queue<Task<(byte[] Block, MemoryStream Packed)>> _packing = new();
    private readonly Stack<(byte[] Block, MemoryStream Packed)> _free = new();
    private readonly Crc32 _checksum = new();
    private byte[] _block = new byte[BlockBytes];
    private MemoryStream _packed = new(BlockBytes);
    private int _filled;
    private long _bytes;
    private bool _begun;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (buffer.Length > 0)
        {
            var count = Math.Min(buffer.Length, BlockBytes - _filled);
            buffer[..count].CopyTo(_block.AsSpan(_filled));
            _filled += count;
            buffer = buffer[count..];
            if (_filled == BlockBytes)
                Pack();
        }
    }

    /// <summary>Writes what is left and the end. Without it the stream has no end, and nobody takes it for whole.</summary>
    internal void Finish()
    {
        if (_filled > 0)
            Pack();
        while (_packing.Count > 0)
            Take();

        Begin();
        Span<byte> end = stackalloc byte[10];
        (end[0], end[1]) = (0x03, 0x00); // an empty last block
        BinaryPrimitives.WriteUInt32LittleEndian(end[2..], _checksum.GetCurrentHashAsUInt32());
        BinaryPrimitives.WriteUInt32LittleEndian(end[6..], unchecked((uint)_bytes));
        output.Write(end);
    }

    private void Pack()
    {
        _checksum.Append(_block.AsSpan(0, _filled));
        _bytes += _filled;
        var (block, filled, packed) = (_block, _filled, _packed);
        _packing.Enqueue(Task.Run(() => Pack(block, filled, packed)));
        if (_packing.Count >= threads * 2)
            Take();
        (_block, _packed) = _free.Count > 0 ? _free.Pop() : (new byte[BlockBytes], new MemoryStream(BlockBytes));
        _filled = 0;
    }

    private static (byte[] Block, MemoryStream Packed) Pack(byte[] block, int filled, MemoryStream packed)
    {
        packed.SetLength(0);
        using var deflate = new DeflateStream(packed, CompressionLevel.Optimal, leaveOpen: true);
        deflate.Write(block, 0, filled);
        deflate.Flush(); // ends on a byte, and is no last block
        var length = packed.Length;
        deflate.Dispose();
        packed.SetLength(length); // what closing added would end the whole
        return (block, packed);
    }

    private void Take()
    {
        Begin();
        var done = _packing.Dequeue().GetAwaiter().GetResult();
        output.Write(done.Packed.GetBuffer().AsSpan(0, (int)done.Packed.Length));
        _free.Push(done);
    }

    private void Begin()
    {
        if (_begun)
            return;

        _begun = true;
        output.Write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]); // deflate, no name, no time, system unknown
    }
}
