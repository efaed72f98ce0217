using System.Text.Json;
using VmHost.Cli.Terminal;
using YamlDotNet.RepresentationModel;

namespace VmHost.Cli.Tests;

public sealed class YamlTextTests
{
    [Theory]
    [InlineData("""{"name": "a", "list": [1, "1", true, null, {"x": []}], "no": "yes", "text": "two\\nlines: # \\u0001", "": -1.5}""")]
    [InlineData("[]")]
    [InlineData("""[{"a": 1}, {"b": [[2]]}]""")]
    public void Yaml_has_what_the_json_has(string json)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(YamlText.FromJson(json)));

        Assert.Equal(Flat(JsonDocument.Parse(json).RootElement), Flat(yaml.Documents.Single().RootNode));
    }

    private static string Flat(JsonElement value) =>
        value.ValueKind switch
        {
            JsonValueKind.Object => $"{{{string.Join(",", value.EnumerateObject().Select(static one => $"{one.Name}={Flat(one.Value)}"))}}}",
            JsonValueKind.Array => $"[{string.Join(",", value.EnumerateArray().Select(Flat))}]",
            JsonValueKind.String => $"'{value.GetString()}'",
            _ => value.GetRawText(),
        };

    private static string Flat(YamlNode node) =>
        node switch
        {
            YamlMappingNode mapping => $"{{{string.Join(",", mapping.Children.Select(static one => $"{((YamlScalarNode)one.Key).Value}={Flat(one.Value)}"))}}}",
            YamlSequenceNode sequence => $"[{string.Join(",", sequence.Children.Select(Flat))}]",
            YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } plain => plain.Value!,
            _ => $"'{((YamlScalarNode)node).Value}'",
        };
}
