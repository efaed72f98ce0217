using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using VmHost.Posix;

namespace VmHost.LinuxKit.Images;

/// <summary>Which images a YAML was built from: full names and digests, in a file beside it.</summary>
internal sealed class LockFile
{
    private readonly SortedDictionary<string, string> _digests = new(StringComparer.Ordinal);

    /// <summary>Of <c>linux-redis.yaml</c>: <c>linux-redis.lock.json</c>.</summary>
    internal static string PathFor(string yaml) => Path.ChangeExtension(yaml, ".lock.json");

    /// <exception cref="LinuxKitException">It is missing or damaged.</exception>
    internal static LockFile Read(string path)
    {
        var file = new LockFile();
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            foreach (var image in document.RootElement.GetProperty("images").EnumerateObject())
            {
                var digest = image.Value.GetString() ?? "";
                if (!Descriptor.IsDigest(digest))
                    throw new LinuxKitException($"{path}: {image.Name} is locked to '{digest}', which is no SHA-256 digest");
                file._digests[image.Name] = digest;
            }

            return file;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new LinuxKitException($"--locked: there is no lock file {path}; write it with: vmctl build --lock", e);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new LinuxKitException($"{path}: is no lock file: {e.Message}; write it again with: vmctl build --lock", e);
        }
    }

    /// <summary>The digest that is locked for an image, as part of its name.</summary>
    /// <exception cref="LinuxKitException">None is, or another than the YAML asks for.</exception>
    internal ImageReference Pin(ImageReference reference, string path)
    {
        if (!_digests.TryGetValue(reference.ToString(), out var digest))
            throw new LinuxKitException($"--locked: {path} does not have {reference}; write it again with: vmctl build --lock");
        if (reference.Digest is not null && reference.Digest != digest)
            throw new LinuxKitException($"--locked: {path} has {digest} for {reference}");
        return reference with { Digest = digest };
    }

    internal static void Write(string path, IEnumerable<Image> images)
    {
        var digests = new JsonObject(images.OrderBy(image => image.Name, StringComparer.Ordinal).Select(image => KeyValuePair.Create(image.Name, (JsonNode?)image.Top.Digest)));
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new() { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            new JsonObject { ["version"] = 1, ["images"] = digests }.WriteTo(writer);
        bytes.Write(Encoding.UTF8.GetBytes("\n"));
        AtomicFile.ReplaceShared(path, bytes.ToArray());
    }
}
