using System.Text.Json;

namespace VmHost.LinuxKit.Images;

/// <summary>
/// An index of manifests, or a manifest. The content decides which, because media types may be missing. Content that another tool could read
/// as the other kind is refused: the digest is the same, and what runs would depend on the reader (CVE-2021-41190).
/// </summary>
internal sealed record Manifest
{
    internal const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    internal const string OciIndex = "application/vnd.oci.image.index.v1+json";
    internal const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    internal const string DockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>Far above what any registry accepts.</summary>
    internal const int MaxBytes = 4 << 20;

    private const string Os = "linux";

    // Members that make a document an index, an image's manifest, or a manifest of schema 1.
    private static readonly string[] KindMembers = ["manifests", "layers", "config", "fsLayers"];

    // Of a member that stands twice, readers take different ones.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Of an index; empty for a manifest.</summary>
    internal IReadOnlyList<Descriptor> Manifests { get; init; } = [];

    /// <summary>Of a manifest; null for an index.</summary>
    internal Descriptor? Config { get; init; }

    /// <summary>Of a manifest: the lowest layer first.</summary>
    internal IReadOnlyList<Descriptor> Layers { get; init; } = [];

    internal bool IsIndex => Config is null;

    /// <summary>Reads a manifest or an index.</summary>
    /// <param name="bytes">The document.</param>
    /// <param name="what">The object that it belongs to, for errors.</param>
    /// <param name="mediaTypes">The media types by which it was found: of descriptors and of a registry's response. Empty: not stated.</param>
    /// <exception cref="LinuxKitException">The document is neither, or both, or contradicts its media type.</exception>
    internal static Manifest Parse(ReadOnlyMemory<byte> bytes, string what, params ReadOnlySpan<string> mediaTypes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, Strict);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new LinuxKitException($"{what} is no image manifest");

            RefuseAmbiguous(root, what);
            if (root.TryGetProperty("manifests", out var manifests))
            {
                RefuseContradiction(isIndex: true, root, mediaTypes, what);
                return new() { Manifests = [.. manifests.EnumerateArray().Select(one => Descriptor.Parse(one, what))] };
            }

            if (root.TryGetProperty("layers", out var layers) && root.TryGetProperty("config", out var config))
            {
                RefuseContradiction(isIndex: false, root, mediaTypes, what);
                return new() { Config = Descriptor.Parse(config, what), Layers = [.. layers.EnumerateArray().Select(one => Descriptor.Parse(one, what))] };
            }

            throw new LinuxKitException(root.TryGetProperty("fsLayers", out _)
                ? $"{what} is a manifest of schema 1, which was given up in 2017; push the image again with a current tool"
                : $"{what} is no image manifest: it has neither manifests nor layers");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new LinuxKitException($"{what} is no image manifest: {e.Message}", e);
        }
    }

    /// <summary>True if a descriptor of that media type points to a manifest or an index, or may do so because it states none.</summary>
    internal static bool IsManifestType(string mediaType) =>
        mediaType.Length == 0 || mediaType.Contains("manifest", StringComparison.Ordinal) || mediaType.Contains("image.index", StringComparison.Ordinal);

    // Without regard to case: some readers fold it.
    private static void RefuseAmbiguous(JsonElement root, string what)
    {
        var names = root.EnumerateObject().Select(member => member.Name).ToList();
        var kinds = KindMembers.SelectMany(kind => names.Where(name => name.Equals(kind, StringComparison.OrdinalIgnoreCase))).ToList();
        if (kinds is [] or [_] or ["layers", "config"])
            return;

        throw new LinuxKitException($"{what} has {string.Join(" and ", kinds)}, so it could be read as more than one image (CVE-2021-41190); push or save the image again with a current tool");
    }

    private static void RefuseContradiction(bool isIndex, JsonElement root, ReadOnlySpan<string> mediaTypes, string what)
    {
        if (root.TryGetProperty("mediaType", out var own) && own.ValueKind != JsonValueKind.String)
            throw new LinuxKitException($"{what} is no image manifest: its mediaType is not a string");

        foreach (var stated in (string[])[.. mediaTypes, Descriptor.Text(root, "mediaType") ?? ""])
        {
            if (Contradicts(isIndex, stated))
                throw new LinuxKitException($"{what} is {(isIndex ? "an index of manifests" : "an image manifest")} by its content and {stated} by its media type (CVE-2021-41190); push or save the image again with a current tool");
        }
    }

    // Other types than those of images say nothing: registries on plain file servers send what the server takes a file for.
    private static bool Contradicts(bool isIndex, string mediaType) =>
        mediaType switch
        {
            OciIndex or DockerIndex => !isIndex,
            OciManifest or DockerManifest => isIndex,
            _ => mediaType.StartsWith("application/vnd.oci.image.", StringComparison.Ordinal) || mediaType.StartsWith("application/vnd.docker.", StringComparison.Ordinal),
        };

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
