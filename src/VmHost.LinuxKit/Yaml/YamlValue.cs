namespace VmHost.LinuxKit.Yaml;

/// <summary>What a YAML value is, by the rules of YAML's core schema: <c>yes</c> is text, <c>"true"</c> is text.</summary>
internal enum YamlKind
{
    Null,
    Boolean,
    Integer,
    Float,
    Text,
    List,
    Map,
}

/// <summary>Where a value stands.</summary>
/// <param name="File">As it was named.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
internal readonly record struct YamlPlace(string File, long Line, long Column)
{
    public override string ToString() => $"{File}:{Line}:{Column}";
}

/// <summary>A key and its value.</summary>
internal readonly record struct YamlMember(string Key, YamlPlace Place, YamlValue Value);

/// <summary>An immutable YAML value with its place; aliases and merge keys are resolved.</summary>
internal sealed class YamlValue
{
    internal required YamlKind Kind { get; init; }

    internal required YamlPlace Place { get; init; }

    /// <summary>Of a scalar, as it was written.</summary>
    internal string Text { get; init; } = "";

    /// <summary>Of an integer its decimal digits (<c>0x10</c> is 16), else as it was written.</summary>
    internal string Scalar => Kind == YamlKind.Integer ? Integer.ToString(System.Globalization.CultureInfo.InvariantCulture) : Text;

    /// <summary>Of an integer.</summary>
    internal long Integer { get; init; }

    internal bool IsTrue => Kind == YamlKind.Boolean && Text.Equals("true", StringComparison.OrdinalIgnoreCase);

    internal IReadOnlyList<YamlValue> Items { get; init; } = [];

    internal IReadOnlyList<YamlMember> Members { get; init; } = [];

    /// <summary>The value of a key, or null where this is no map or has no such key.</summary>
    internal YamlValue? this[string key]
    {
        get
        {
            foreach (var member in Members)
            {
                if (member.Key == key)
                    return member.Value;
            }

            return null;
        }
    }

    /// <summary>The scalars of a list, as they were written.</summary>
    internal IReadOnlyList<string> Texts() => [.. Items.Select(item => item.Text)];
}
