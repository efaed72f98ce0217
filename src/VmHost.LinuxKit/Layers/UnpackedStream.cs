using System.Buffers.Binary;
using System.IO.Compression;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// A file unpacked: whatever it is packed with is found out from its first bytes, since media types and names lie. Bounds what comes out.
/// </summary>
internal sealed class UnpackedStream : ReadOnlyStream
{
    private const int FileBufferBytes = 128 << 10;

    private readonly string _label;
    private readonly LayerLimits _limits;
    private readonly string _cure;
    private readonly FileStream _file;
    private readonly Stream _unpacked;
    private readonly long? _packedBytes; // null: a pipe, whose length nobody knows

    /// <param name="path">Of the file.</param>
    /// <param name="label">To begin errors with.</param>
    /// <param name="limits">What it may become.</param>
    /// <param name="cure">What to do where it honestly becomes more.</param>
    internal UnpackedStream(string path, string label, LayerLimits limits, string cure)
    {
        (_label, _limits, _cure) = (label, limits, cure);
        _file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, FileBufferBytes, FileOptions.SequentialScan);
        _packedBytes = _file.CanSeek ? _file.Length : null;
        _unpacked = Unpacking(_file);
    }

    /// <summary>That came out so far.</summary>
    internal long Bytes { get; private set; }

    /// <exception cref="LinuxKitException">It becomes too large.</exception>
    /// <exception cref="InvalidDataException">It cannot be unpacked.</exception>
    public override int Read(Span<byte> buffer)
    {
        int count;
        try
        {
            count = _unpacked.Read(buffer);
        }
        catch (Exception e) when (e is EndOfStreamException or ZstdSharp.ZstdException)
        {
            throw new InvalidDataException(e.Message, e);
        }

        Bytes += count;
        if (Bytes > _limits.RatioFrom && _packedBytes is { } packed && Bytes / Math.Max(1, packed) > _limits.MaxRatio)
            throw new LinuxKitException($"{_label} becomes more than {_limits.MaxRatio} times larger when unpacked ({Bytes} bytes so far, from {packed}): hardly an honest image; for one that is, {_cure}");

        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _unpacked.Dispose();
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private static Stream Unpacking(FileStream file)
    {
        const uint ZstdMagic = 0xFD2FB528;
        Span<byte> magic = stackalloc byte[4];
        magic = magic[..file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false)];
        Stream whole = file;
        if (file.CanSeek)
            file.Position = 0;
        else
            whole = new BegunStream(magic.ToArray(), file);
        return magic switch
        {
            [0x1F, 0x8B, ..] => new GZipStream(whole, CompressionMode.Decompress),
            { Length: 4 } when BinaryPrimitives.ReadUInt32LittleEndian(magic) == ZstdMagic => new ZstdSharp.DecompressionStream(whole, leaveOpen: false),
            _ => whole,
        };
    }

    /// <summary>A stream of which something was read already.</summary>
    private sealed class BegunStream(byte[] begin, Stream rest) : ReadOnlyStream
    {
        private int _taken;

        public override int Read(Span<byte> buffer)
        {
            if (_taken == begin.Length)
                return rest.Read(buffer);

            var count = Math.Min(buffer.Length, begin.Length - _taken);
            begin.AsSpan(_taken, count).CopyTo(buffer);
            _taken += count;
            return count;
        }
    }
}
