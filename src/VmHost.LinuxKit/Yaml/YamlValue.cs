using System.Diagnostics.CodeAnalysis;

namespace VmHost.LinuxKit.Yaml;

/// <summary>What a YAML value is, by the rules of YAML's core schema: <c>yes</c> is text, <c>"true"</c> is text.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "The names of YAML's core schema.")]
public enum YamlKind
{
    /// <summary>Nothing, <c>~</c> or <c>null</c>.</summary>
    Null,

    /// <summary><c>true</c> or <c>false</c>.</summary>
    Boolean,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>Another number.</summary>
    Float,

    /// <summary>Any other scalar.</summary>
    Text,

    /// <summary>A sequence.</summary>
    List,

    /// <summary>A mapping.</summary>
    Map,
}

/// <summary>Where a value stands.</summary>
/// <param name="File">As it was named.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
public readonly record struct YamlPlace(string File, long Line, long Column)
{
    /// <summary><c>FILE:LINE:COLUMN</c></summary>
    public override string ToString() => $"{File}:{Line}:{Column}";
}

/// <summary>A key and its value.</summary>
/// <param name="Key">The key.</param>
/// <param name="Place">The place of the key.</param>
/// <param name="Value">The value.</param>
public readonly record struct YamlMember(string Key, YamlPlace Place, YamlValue Value);

/// <summary>An immutable YAML value with its place; aliases and merge keys are resolved.</summary>
public sealed class YamlValue
{
    /// <summary>The kind of the value.</summary>
    public required YamlKind Kind { get; init; }

    /// <summary>The place of the value.</summary>
    public required YamlPlace Place { get; init; }

    /// <summary>Of a scalar, as it was written.</summary>
    public string Text { get; init; } = "";

    /// <summary>Of an integer its decimal digits (<c>0x10</c> is 16), else as it was written.</summary>
    internal string Scalar => Kind == YamlKind.Integer ? Integer.ToString(System.Globalization.CultureInfo.InvariantCulture) : Text;

    /// <summary>Of an integer.</summary>
    internal long Integer { get; init; }

    internal bool IsTrue => Kind == YamlKind.Boolean && Text.Equals("true", StringComparison.OrdinalIgnoreCase);

    /// <summary>The values of a list.</summary>
    public IReadOnlyList<YamlValue> Items { get; init; } = [];

    /// <summary>The members of a map, in the order of the text.</summary>
    public IReadOnlyList<YamlMember> Members { get; init; } = [];

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
