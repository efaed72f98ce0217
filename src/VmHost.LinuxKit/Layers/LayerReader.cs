using System.Formats.Tar;
using VmHost.LinuxKit.Assembly;
using VmHost.LinuxKit.Images;

namespace VmHost.LinuxKit.Layers;

/// <summary>The entries of one layer; whiteouts are still files of their names.</summary>
internal sealed class LayerReader : IDisposable
{
    private readonly string _label;
    private readonly Stream _stream;
    private readonly TarMetadataFilter _filter;
    private readonly TarReader _tar;

    /// <param name="layer">Which.</param>
    /// <param name="label">Image and layer, to begin errors with.</param>
    /// <param name="limits">What it may become.</param>
    internal LayerReader(LayerBlob layer, string label, LayerLimits limits)
    {
        _label = label;
        _stream = new PrefetchStream(() => new LayerStream(layer, label, limits));
        _filter = new(_stream, label);
        _tar = new(_filter, leaveOpen: true);
    }

    /// <summary>The next entry, or null at the end, when all of the layer was compared with its digest.</summary>
    /// <exception cref="LinuxKitException">The layer is damaged, or the entry none that may be in one.</exception>
    internal Entry? Next()
    {
        try
        {
            if (_tar.GetNextEntry() is { } entry)
                return TarEntries.Convert(entry, _filter.Header, _label);

            // Behind the archive's end there may be padding, which belongs to what the digest is of.
            Span<byte> rest = stackalloc byte[4096];
            while (_stream.Read(rest) > 0)
            {
            }

            return null;
        }
        catch (Exception e) when (TarEntries.IsDamage(e))
        {
            throw new LinuxKitException($"{_label} is no sound tar: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        _tar.Dispose();
        _filter.Dispose();
        _stream.Dispose();
    }
}
