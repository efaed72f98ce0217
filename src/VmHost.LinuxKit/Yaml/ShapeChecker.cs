namespace VmHost.LinuxKit.Yaml;

/// <summary>Compares a value with its shape and keeps every fault, in the order of the text.</summary>
internal sealed class ShapeChecker
{
    private readonly List<string> _faults = [];

    internal static IReadOnlyList<string> Faults(YamlValue value, Shape shape, string what)
    {
        var checker = new ShapeChecker();
        checker.Check(value, shape, what);
        return checker._faults;
    }

    private void Check(YamlValue value, Shape shape, string what)
    {
        switch (shape)
        {
            case ScalarShape scalar when !scalar.Kinds.Contains(value.Kind):
                _faults.Add($"{value.Place}: {what} wants {scalar.Name}, {Found(value, scalar)}");
                break;
            case ScalarShape when value.Text.StartsWith("@pkg:", StringComparison.Ordinal):
                _faults.Add($"{value.Place}: {what} is {value.Text}, which LinuxKit's own package builder resolves; write the image's name and tag");
                break;
            case ListShape when value.Kind != YamlKind.List:
                _faults.Add($"{value.Place}: {what} wants a list, {Found(value, null)}");
                break;
            case ListShape list:
                for (var i = 0; i < value.Items.Count; i++)
                    Check(value.Items[i], list.Item, $"{what}[{i}]");
                break;
            case MapShape when value.Kind != YamlKind.Map:
                _faults.Add($"{value.Place}: {(what.Length == 0 ? "the YAML" : what)} wants keys with values, {Found(value, null)}");
                break;
            case MapShape map:
                CheckMembers(value, map, what);
                break;
        }
    }

    private void CheckMembers(YamlValue value, MapShape map, string what)
    {
        foreach (var member in value.Members)
        {
            if (map.Keys.TryGetValue(member.Key, out var shape) || (shape = map.Other) is not null)
                Check(member.Value, shape, what.Length == 0 ? member.Key : $"{what}.{member.Key}");
            else
                _faults.Add($"{member.Place}: {(what.Length == 0 ? "there is" : $"{what} has")} no key '{member.Key}'{NearestKey.Hint(member.Key, map.Keys.Keys)}");
        }

        foreach (var required in map.Required)
        {
            if (value[required] is null)
                _faults.Add($"{value.Place}: {what} lacks the key {required}");
        }
    }

    private static string Found(YamlValue value, ScalarShape? wanted) =>
        value.Kind switch
        {
            YamlKind.Null => "and there is nothing; leave the key out, or give it a value",
            YamlKind.List => "and this is a list",
            YamlKind.Map => "and these are keys with values",
            YamlKind.Text when wanted?.Kinds.Contains(YamlKind.Boolean) == true => $"and \"{value.Text}\" is text; only true and false without quotes will do",
            YamlKind.Text => $"and \"{value.Text}\" is text",
            _ when wanted?.Kinds.Contains(YamlKind.Text) == true => $"and {value.Text} is {KindOf(value)}; put it in quotes: \"{value.Text}\"",
            _ => $"and {value.Text} is {KindOf(value)}",
        };

    private static string KindOf(YamlValue value) => value.Kind == YamlKind.Integer ? "an integer" : $"a {value.Kind.ToString().ToLowerInvariant()}";
}
