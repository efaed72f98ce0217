namespace VmHost.LinuxKit.Yaml;

/// <summary>What a value may be: a closed schema, in which an unknown key is an error.</summary>
internal abstract record Shape
{
    internal static readonly Shape Text = new ScalarShape("text", YamlKind.Text);
    internal static readonly Shape Flag = new ScalarShape("true or false", YamlKind.Boolean);
    internal static readonly Shape Number = new ScalarShape("a whole number", YamlKind.Integer);
    internal static readonly Shape NumberOrText = new ScalarShape("a whole number or text", YamlKind.Integer, YamlKind.Text);
    internal static readonly Shape Texts = new ListShape(Text);
    internal static readonly Shape TextMap = Map() with { Other = Text };

    internal static ListShape ListOf(Shape item) => new(item);

    internal static MapShape Map(params IReadOnlyList<(string Key, Shape Shape)> keys) =>
        new(keys.ToDictionary(pair => pair.Key, pair => pair.Shape, StringComparer.Ordinal));
}

/// <param name="Name">For errors.</param>
/// <param name="Kinds">Those that are accepted.</param>
internal sealed record ScalarShape(string Name, params IReadOnlyList<YamlKind> Kinds) : Shape;

internal sealed record ListShape(Shape Item) : Shape;

internal sealed record MapShape(IReadOnlyDictionary<string, Shape> Keys) : Shape
{
    internal IReadOnlyList<string> Required { get; init; } = [];

    /// <summary>What keys may hold that are not listed; null: there are no others.</summary>
    internal Shape? Other { get; init; }

    internal MapShape Requiring(params IReadOnlyList<string> keys) => this with { Required = keys };

    internal MapShape With(params IReadOnlyList<(string Key, Shape Shape)> more) =>
        this with { Keys = Keys.Concat(more.Select(pair => KeyValuePair.Create(pair.Key, pair.Shape))).ToDictionary(StringComparer.Ordinal) };
}
