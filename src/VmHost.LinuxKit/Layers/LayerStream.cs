using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// A layer unpacked: whatever it is packed with is found out from its first bytes, since media types lie. Bounds what comes out, and at
/// the end compares it with the digest that the image promises.
/// </summary>
internal sealed class LayerStream : Stream
{
    private const int FileBufferBytes = 128 << 10;

    private readonly LayerBlob _layer;
    private readonly string _label;
    private readonly LayerLimits _limits;
    private readonly FileStream _file;
    private readonly Stream _unpacked;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _bytes;
    private bool _ended;

    /// <param name="layer">Which.</param>
    /// <param name="label">Image and layer, to begin errors with.</param>
    /// <param name="limits">What it may become.</param>
    internal LayerStream(LayerBlob layer, string label, LayerLimits limits)
    {
        (_layer, _label, _limits) = (layer, label, limits);
        _file = new(layer.Path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, FileBufferBytes, FileOptions.SequentialScan);
        _unpacked = Unpacking(_file);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int count;
        try
        {
            count = _unpacked.Read(buffer);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
        {
            throw new LinuxKitException($"{_label} is damaged or cut off after {_bytes} bytes: {e.Message}", e);
        }

        if (count == 0 && !_ended && buffer.Length > 0)
            Verify();
        _hash.AppendData(buffer[..count]);
        _bytes += count;
        if (_bytes > _limits.RatioFrom && _bytes / Math.Max(1, _layer.Descriptor.Size) > _limits.MaxRatio)
            throw new LinuxKitException($"{_label} becomes more than {_limits.MaxRatio} times larger when unpacked ({_bytes} bytes so far, from {_layer.Descriptor.Size}): that is no honest image");

        return count;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _unpacked.Dispose();
            _file.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private static Stream Unpacking(FileStream file)
    {
        const uint ZstdMagic = 0xFD2FB528;
        Span<byte> magic = stackalloc byte[4];
        magic = magic[..file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false)];
        file.Position = 0;
        return magic switch
        {
            [0x1F, 0x8B, ..] => new GZipStream(file, CompressionMode.Decompress),
            { Length: 4 } when BinaryPrimitives.ReadUInt32LittleEndian(magic) == ZstdMagic => new ZstdSharp.DecompressionStream(file, leaveOpen: false),
            _ => file,
        };
    }

    private void Verify()
    {
        _ended = true;
        var digest = ImageStore.DigestText(_hash.GetHashAndReset());
        if (digest != _layer.DiffId)
            throw new LinuxKitException($"{_label} is {digest} when unpacked, and its image promises {_layer.DiffId}: damaged on the disk, cut off, or pushed wrong; remove the image (vmctl image rm) and pull it again");
    }
}
