using System.Text.Json;

namespace VmHost.LinuxKit.Images;

/// <summary>What an image says of itself. Source: OCI image specification 1.1, <c>config.md</c>.</summary>
internal sealed record ImageSettings
{
    /// <summary>Far above what any image needs.</summary>
    internal const int MaxBytes = 8 << 20;

    private const string LinuxKitLabel = "org.mobyproject.config";

    internal IReadOnlyList<string> Entrypoint { get; init; } = [];

    internal IReadOnlyList<string> Command { get; init; } = [];

    internal IReadOnlyList<string> Environment { get; init; } = [];

    internal string WorkingDirectory { get; init; } = "";

    /// <summary>How it wants to be run, in LinuxKit's words; null: it does not say.</summary>
    internal string? Label { get; init; }

    /// <summary>Digests of the layers when unpacked, the lowest first.</summary>
    internal IReadOnlyList<string> DiffIds { get; init; } = [];

    internal string Architecture { get; init; } = "";

    /// <exception cref="LinuxKitException">It is no image's configuration.</exception>
    internal static ImageSettings Parse(ReadOnlyMemory<byte> bytes, string what)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var root = document.RootElement;
            var config = root.TryGetProperty("config", out var found) ? found : default;
            var rootFs = root.TryGetProperty("rootfs", out found) ? found : default;
            var labels = config.ValueKind == JsonValueKind.Object && config.TryGetProperty("Labels", out found) ? found : default;
            return new()
            {
                Entrypoint = Texts(config, "Entrypoint"),
                Command = Texts(config, "Cmd"),
                Environment = Texts(config, "Env"),
                WorkingDirectory = Descriptor.Text(config, "WorkingDir") ?? "",
                Label = Descriptor.Text(labels, LinuxKitLabel),
                DiffIds = Texts(rootFs, "diff_ids"),
                Architecture = Descriptor.Text(root, "architecture") ?? "",
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new LinuxKitException($"{what} has a configuration that cannot be read: {e.Message}", e);
        }
    }

    private static IReadOnlyList<string> Texts(JsonElement json, string member) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(member, out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Select(item => item.GetString() ?? "")]
            : [];
}
