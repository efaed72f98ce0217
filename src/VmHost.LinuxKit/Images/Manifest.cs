using System.Text.Json;

namespace VmHost.LinuxKit.Images;

/// <summary>An index of manifests, or a manifest. Which of them decides the content, since media types may be missing.</summary>
internal sealed record Manifest
{
    internal const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    internal const string OciIndex = "application/vnd.oci.image.index.v1+json";

    /// <summary>Far above what any registry accepts.</summary>
    internal const int MaxBytes = 4 << 20;

    private const string Os = "linux";

    /// <summary>Of an index; empty for a manifest.</summary>
    internal IReadOnlyList<Descriptor> Manifests { get; init; } = [];

    /// <summary>Of a manifest; null for an index.</summary>
    internal Descriptor? Config { get; init; }

    /// <summary>Of a manifest: the lowest layer first.</summary>
    internal IReadOnlyList<Descriptor> Layers { get; init; } = [];

    internal bool IsIndex => Config is null;

    /// <exception cref="LinuxKitException">It is neither.</exception>
    internal static Manifest Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new LinuxKitException($"{what} is no image manifest");
            if (root.TryGetProperty("manifests", out var manifests))
                return new() { Manifests = [.. manifests.EnumerateArray().Select(one => Descriptor.Parse(one, what))] };
            if (root.TryGetProperty("layers", out var layers) && root.TryGetProperty("config", out var config))
                return new() { Config = Descriptor.Parse(config, what), Layers = [.. layers.EnumerateArray().Select(one => Descriptor.Parse(one, what))] };

            throw new LinuxKitException(root.TryGetProperty("fsLayers", out _)
                ? $"{what} is a manifest of schema 1, which was given up in 2017; push the image again with a current tool"
                : $"{what} is no image manifest: it has neither manifests nor layers");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new LinuxKitException($"{what} is no image manifest: {e.Message}", e);
        }
    }

    /// <summary>The first entry for Linux on that processor. Attestations are for the platform unknown.</summary>
    /// <exception cref="LinuxKitException">There is none.</exception>
    internal Descriptor ForArchitecture(string architecture, string what) =>
        Manifests.FirstOrDefault(one => one.Os == Os && one.Architecture == architecture)
        ?? (Manifests is [{ Os: "", Architecture: "" } only] ? only : null)
        ?? throw new LinuxKitException($"{what} has no image for {Os}/{architecture}; it has {Platforms()}");

    private string Platforms()
    {
        var names = Manifests.Where(one => one.Os is not ("" or "unknown")).Select(one => $"{one.Os}/{one.Architecture}").Distinct().ToList();
        return names.Count > 0 ? string.Join(", ", names) : "none";
    }
}
