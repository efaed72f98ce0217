using System.Security.Cryptography;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Layers;

/// <summary>A layer unpacked, and at the end compared with the digest that the image promises.</summary>
internal sealed class LayerStream : ReadOnlyStream
{
    private readonly LayerBlob _layer;
    private readonly string _label;
    private readonly UnpackedStream _unpacked;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _ended;

    /// <param name="layer">Which.</param>
    /// <param name="label">Image and layer, to begin errors with.</param>
    /// <param name="limits">What it may become.</param>
    internal LayerStream(LayerBlob layer, string label, LayerLimits limits)
    {
        (_layer, _label) = (layer, label);
        _unpacked = new(layer.Path, label, limits, "vmctl build --max-image-size SIZE lifts this bound");
    }

    public override int Read(Span<byte> buffer)
    {
        int count;
        try
        {
            count = _unpacked.Read(buffer);
        }
        catch (InvalidDataException e)
        {
            throw Damaged($"cannot be unpacked behind {_unpacked.Bytes} bytes: {e.Message}", e);
        }

        if (count == 0 && !_ended && buffer.Length > 0)
            Verify();
        _hash.AppendData(buffer[..count]);
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _unpacked.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Verify()
    {
        _ended = true;
        var digest = ImageStore.DigestText(_hash.GetHashAndReset());
        if (digest != _layer.DiffId)
            throw Damaged($"is {digest} when unpacked, and its image promises {_layer.DiffId}", null);
    }

    private LinuxKitException Damaged(string how, Exception? inner)
    {
        using (var stored = File.OpenRead(_layer.Path))
        {
            if (ImageStore.DigestText(SHA256.HashData(stored)) == _layer.Descriptor.Digest)
                return new($"{_label} {how}: so it was pushed or saved; ask whoever made the image", inner);
        }

        return ImageStore.ThrownAway(_layer.Path, $"{_label} {how}", inner);
    }
}
