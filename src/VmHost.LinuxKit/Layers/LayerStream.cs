using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Layers;

/// <summary>
/// A layer unpacked: whatever it is packed with is found out from its first bytes, since media types lie. Bounds what comes out, and at
/// the end compares it with the digest that the image promises.
/// </summary>
internal sealed class LayerStream : ReadOnlyStream
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

    public override int Read(Span<byte> buffer)
    {
        int count;
        try
        {
            count = _unpacked.Read(buffer);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
        {
            throw Damaged($"cannot be unpacked behind {_bytes} bytes: {e.Message}", e);
        }

        if (count == 0 && !_ended && buffer.Length > 0)
            Verify();
        _hash.AppendData(buffer[..count]);
        _bytes += count;
        if (_bytes > _limits.RatioFrom && _bytes / Math.Max(1, _layer.Descriptor.Size) > _limits.MaxRatio)
            throw new LinuxKitException($"{_label} becomes more than {_limits.MaxRatio} times larger when unpacked ({_bytes} bytes so far, from {_layer.Descriptor.Size}): that is no honest image");

        return count;
    }

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
            throw Damaged($"is {digest} when unpacked, and its image promises {_layer.DiffId}", null);
    }

    // What was damaged here must not stay, or pulling it again would find it there.
    private LinuxKitException Damaged(string how, Exception? inner)
    {
        using (var stored = File.OpenRead(_layer.Path))
        {
            if (ImageStore.DigestText(SHA256.HashData(stored)) == _layer.Descriptor.Digest)
                return new($"{_label} {how}: so it was pushed or saved; ask whoever made the image", inner);
        }

        File.Delete(_layer.Path);
        return new($"{_label} {how}: it was damaged on this disk, and is thrown away; the next build pulls it again (what came from a file: vmctl image load)", inner);
    }
}
