using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VmHost.LinuxKit.Images;

/// <summary>Points to a blob. Source: OCI image specification 1.1, <c>descriptor.md</c>.</summary>
/// <param name="MediaType">What it is said to be; empty: unsaid.</param>
/// <param name="Digest"><c>sha256:</c> and 64 hex digits.</param>
/// <param name="Size">In bytes.</param>
internal sealed record Descriptor(string MediaType, string Digest, long Size)
{
    /// <summary>Of a blob, 1 TiB: more is a mistake or meant badly.</summary>
    private const long MaxBytes = 1L << 40;

    private const string RefName = "org.opencontainers.image.ref.name";
    private const string ContainerdName = "io.containerd.image.name";

    private static readonly System.Buffers.SearchValues<char> HexDigits = System.Buffers.SearchValues.Create("0123456789abcdef");

    /// <summary>In an index: the operating system and the processor that it is for.</summary>
    internal string Os { get; init; } = "";

    internal string Architecture { get; init; } = "";

    /// <summary>In an index: a full name, or a tag alone.</summary>
    internal string? Name { get; init; }

    internal static Descriptor Parse(JsonElement json, string what)
    {
        var digest = Text(json, "digest") ?? "";
        if (!IsDigest(digest))
            throw new LinuxKitException($"{what} names a blob by '{digest}', which is no SHA-256 digest");
        if (!json.TryGetProperty("size", out var number) || !number.TryGetInt64(out var size) || size is < 0 or > MaxBytes)
            throw new LinuxKitException($"{what} names the blob {digest} without a size that it could have");

        var annotations = json.TryGetProperty("annotations", out var found) ? found : default;
        var platform = json.TryGetProperty("platform", out found) ? found : default;
        return new(Text(json, "mediaType") ?? "", digest, size)
        {
            Os = Text(platform, "os") ?? "",
            Architecture = Text(platform, "architecture") ?? "",
            Name = Text(annotations, ContainerdName) ?? Text(annotations, RefName),
        };
    }

    /// <summary>The name that an entry of an <c>index.json</c> has; null: none.</summary>
    internal static string? NameOf(JsonNode? entry) =>
        entry?["annotations"] is JsonObject annotations && (annotations[ContainerdName] ?? annotations[RefName]) is JsonValue value && value.TryGetValue<string>(out var name) ? name : null;

    /// <summary>For an <c>index.json</c>.</summary>
    internal JsonObject ToJson()
    {
        var json = new JsonObject { ["mediaType"] = MediaType, ["digest"] = Digest, ["size"] = Size };
        if (Name is not null)
            json["annotations"] = new JsonObject { [RefName] = Name };
        return json;
    }

    internal static bool IsDigest(string text) =>
        text.Length == 71 && text.StartsWith("sha256:", StringComparison.Ordinal) && text.AsSpan(7).IndexOfAnyExcept(HexDigits) < 0;

    /// <summary>A member's text, or null where there is none.</summary>
    internal static string? Text(JsonElement json, string member) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>For people: twelve digits, as docker shows them.</summary>
    internal static string Short(string digest) => digest.Length >= 19 ? digest.Substring(7, 12) : digest;

    /// <summary>In the units that docker shows.</summary>
    internal static string SizeText(long bytes) =>
        bytes switch
        {
            >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
            >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        };
}
