using System.Security.Cryptography;
using VmHost.LinuxKit.Layers;

namespace VmHost.LinuxKit.Images;

/// <summary>A blob of the store as it is, compared with its digest when its last byte is read.</summary>
internal sealed class VerifiedStream : ReadOnlyStream
{
    private readonly string _path;
    private readonly string _digest;
    private readonly string _image;
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _read;

    /// <param name="path">Of the blob.</param>
    /// <param name="digest">That it has to have.</param>
    /// <param name="image">Whose it is, for errors.</param>
    internal VerifiedStream(string path, string digest, string image)
    {
        (_path, _digest, _image) = (path, digest, image);
        _file = File.OpenRead(path);
        Size = _file.Length;
    }

    /// <summary>In bytes.</summary>
    internal long Size { get; }

    /// <exception cref="LinuxKitException">It is damaged, and removed now.</exception>
    public override int Read(Span<byte> buffer)
    {
        var count = _file.Read(buffer);
        _hash.AppendData(buffer[..count]);
        _read += count;
        if (count > 0 && _read == Size && ImageStore.DigestText(_hash.GetCurrentHash()) != _digest)
            throw ImageStore.ThrownAway(_path, $"{_image}: the blob {_digest} is not what its name says", null);
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
            _hash.Dispose();
        }

        base.Dispose(disposing);
    }
}
