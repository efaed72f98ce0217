using VmHost.LinuxKit.Yaml;

namespace VmHost.Cli.Manifests;

/// <summary>One key of a manifest with its value.</summary>
/// <param name="member">As it was read.</param>
internal sealed class YamlEntry(YamlMember member)
{
    internal string Key => member.Key;

    /// <summary>The place and the key, to begin an error with.</summary>
    internal string Label => $"{member.Place}: {Key}";

    /// <summary>A single value, as it was written.</summary>
    /// <exception cref="CliException">It is not a single value.</exception>
    internal string Text() => IsScalar(member.Value) ? member.Value.Text : throw YamlFile.Fault($"{Label} wants one value, and no list or mapping");

    /// <summary>A list, or a single value for a list of one.</summary>
    /// <exception cref="CliException">It is neither.</exception>
    internal IReadOnlyList<string> Texts() =>
        member.Value.Kind == YamlKind.List
            ? [.. member.Value.Items.Select(item => IsScalar(item) ? item.Text : throw YamlFile.Fault($"{item.Place}: {Key} wants single values in its list"))]
            : [Text()];

    /// <summary>A mapping of single values, as they were written.</summary>
    /// <exception cref="CliException">It is not such a mapping.</exception>
    internal IDictionary<string, string> Pairs()
    {
        if (member.Value.Kind != YamlKind.Map)
            throw YamlFile.Fault($"{Label} wants a mapping: KEY: VALUE");

        return member.Value.Members.ToDictionary(
            static pair => pair.Key,
            pair => IsScalar(pair.Value) ? pair.Value.Text : throw YamlFile.Fault($"{pair.Place}: {Key}.{pair.Key} wants one value, and no list or mapping"),
            StringComparer.Ordinal);
    }

    /// <summary>Returns an error that names the nearest known key.</summary>
    internal CliException UnknownKey(IReadOnlyList<string> known) =>
        YamlFile.Fault($"{member.Place}: there is no key '{Key}'{NearestKey.Hint(Key, known)}");

    private static bool IsScalar(YamlValue value) => value.Kind is not (YamlKind.List or YamlKind.Map);
}
