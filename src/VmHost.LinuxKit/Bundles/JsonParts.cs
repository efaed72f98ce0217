using System.Text.Json.Nodes;
using VmHost.LinuxKit.Yaml;

namespace VmHost.LinuxKit.Bundles;

/// <summary>Pieces of JSON; Go leaves empty members out.</summary>
internal static class JsonParts
{
    internal static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)JsonValue.Create(text)!)]);

    internal static JsonArray Objects(IEnumerable<JsonObject> objects) => new([.. objects]);

    internal static JsonObject With(this JsonObject json, string key, JsonNode? value, bool evenEmpty = false)
    {
        var isEmpty = value switch
        {
            null => true,
            JsonArray list => list.Count == 0,
            JsonObject map => map.Count == 0,
            JsonValue scalar => scalar.TryGetValue<string>(out var text) ? text.Length == 0 : scalar.TryGetValue<bool>(out var flag) && !flag,
            _ => false,
        };
        if (!isEmpty || (evenEmpty && value is not null))
            json[key] = value;
        return json;
    }

    /// <summary>What was written, with its keys in the order of a shape.</summary>
    internal static JsonNode Ordered(YamlValue value, Shape shape) =>
        (value.Kind, shape) switch
        {
            (YamlKind.Map, MapShape map) => new JsonObject(map.Keys
                .Where(key => value[key.Key] is not null)
                .Select(key => KeyValuePair.Create(key.Key, (JsonNode?)Ordered(value[key.Key]!, key.Value)))),
            (YamlKind.List, ListShape list) => new JsonArray([.. value.Items.Select(item => Ordered(item, list.Item))]),
            // LinuxKit's schema wants a number where the OCI's has text.
            (YamlKind.Integer, ScalarShape scalar) when scalar.Kinds.Contains(YamlKind.Text) => JsonValue.Create(value.Text),
            (YamlKind.Boolean, _) => JsonValue.Create(value.IsTrue),
            (YamlKind.Integer, _) => JsonValue.Create(value.Integer),
            _ => JsonValue.Create(value.Text),
        };

    internal static JsonObject Map(YamlValue? value) =>
        new((value?.Members ?? []).OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => KeyValuePair.Create(member.Key, (JsonNode?)member.Value.Text)));
}
