namespace VmHost.LinuxKit.Images;

/// <summary>An image that is here with all its blobs.</summary>
/// <param name="Name">Its full name.</param>
/// <param name="Top">What the name points to: an index or a manifest.</param>
/// <param name="Manifest">Of the platform that is built for.</param>
/// <param name="Settings">Of the same.</param>
/// <param name="Layers">The lowest first.</param>
internal sealed record Image(string Name, Descriptor Top, Descriptor Manifest, ImageSettings Settings, IReadOnlyList<LayerBlob> Layers)
{
    /// <summary>Manifest, configuration and layers: digests and files.</summary>
    internal required IReadOnlyList<(string Digest, string Path)> Blobs { get; init; }
}

/// <param name="Descriptor">Of the blob as it is stored.</param>
/// <param name="DiffId">Digest of what is in it when unpacked.</param>
/// <param name="Path">The file.</param>
internal sealed record LayerBlob(Descriptor Descriptor, string DiffId, string Path);
