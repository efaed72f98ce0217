using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace VmHost.LinuxKit.Yaml;

/// <summary>
/// Reads YAML within bounds of size, depth and number of values, which hold for text of any origin. Used for images' YAML and for
/// machines' manifests.
/// </summary>
public sealed class YamlReader
{
    // Aliases of aliases multiply: a few hundred bytes may stand for billions of values.
    private const int MaxValues = 200_000;
    private const int MaxDepth = 64;
    private const int MaxChars = 16 << 20;

    private readonly string _file;
    private int _values;

    private YamlReader(string file) => _file = file;

    /// <summary>Reads the first document of an image's YAML; others are ignored, as by LinuxKit.</summary>
    /// <param name="file">The name of the text in errors.</param>
    /// <param name="text">YAML, of which JSON is a part.</param>
    /// <exception cref="LinuxKitException">It is not YAML, or empty; with line and column.</exception>
    internal static YamlValue Read(string file, string text) =>
        ReadAll(file, text) is [var first, ..] ? first : throw new LinuxKitException($"{file}: is empty; it has to say at least what to boot, see kernel");

    /// <summary>Reads all documents that are not empty.</summary>
    /// <param name="file">The name of the text in errors.</param>
    /// <param name="text">YAML, of which JSON is a part.</param>
    /// <exception cref="LinuxKitException">It is not YAML, or exceeds a bound; with line and column.</exception>
    public static IReadOnlyList<YamlValue> ReadAll(string file, string text)
    {
        if (text.Length > MaxChars)
            throw new LinuxKitException($"{file}: is too long: more than {MaxChars} characters");

        try
        {
            var stream = new YamlStream();
            using var reader = new StringReader(text);
            stream.Load(new DepthLimit(new Parser(reader), MaxDepth));
            var yaml = new YamlReader(file);
            return [.. stream.Documents.Select(document => document.RootNode).Where(root => root is not YamlScalarNode { Value: "" or null }).Select(root => yaml.Convert(root, 0))];
        }
        catch (YamlException e)
        {
            throw new LinuxKitException($"{new YamlPlace(file, e.Start.Line, e.Start.Column)}: {e.InnerException?.Message ?? e.Message}", e);
        }
    }

    private YamlValue Convert(YamlNode node, int depth)
    {
        var place = new YamlPlace(_file, node.Start.Line, node.Start.Column);
        if (++_values > MaxValues || depth > MaxDepth)
            throw new LinuxKitException($"{place}: there are more than {MaxValues} values, or they nest deeper than {MaxDepth}; aliases (*name) may multiply them");

        switch (node)
        {
            case YamlScalarNode scalar:
                var (kind, integer) = YamlScalar.Classify(scalar);
                return new() { Kind = kind, Place = place, Text = scalar.Value ?? "", Integer = integer };
            case YamlSequenceNode list:
                return new() { Kind = YamlKind.List, Place = place, Items = [.. list.Select(item => Convert(item, depth + 1))] };
            case YamlMappingNode map:
                return new() { Kind = YamlKind.Map, Place = place, Members = Members(map, depth) };
            default:
                throw new LinuxKitException($"{place}: an alias that stands for nothing");
        }
    }

    private List<YamlMember> Members(YamlMappingNode map, int depth)
    {
        var members = new List<YamlMember>();
        var merged = new List<YamlMember>();
        foreach (var (key, value) in map)
        {
            var place = new YamlPlace(_file, key.Start.Line, key.Start.Column);
            if (key is not YamlScalarNode { Value: { } name } scalar)
                throw new LinuxKitException($"{place}: a key is one word, and no list or map");
            if (name == "<<" && scalar.Style == ScalarStyle.Plain)
                merged.AddRange(Merged(value, place, depth));
            else
                members.Add(new(name, place, Convert(value, depth + 1)));
        }

        // What is written here counts more than what is merged in, and the first merged more than the next.
        foreach (var member in merged)
        {
            if (!members.Exists(present => present.Key == member.Key))
                members.Add(member);
        }

        return members;
    }

    private IEnumerable<YamlMember> Merged(YamlNode value, YamlPlace place, int depth) =>
        value switch
        {
            YamlMappingNode => Convert(value, depth + 1).Members,
            YamlSequenceNode list when list.All(item => item is YamlMappingNode) => list.SelectMany(item => Convert(item, depth + 1).Members),
            _ => throw new LinuxKitException($"{place}: << merges maps, such as <<: *name"),
        };
}
