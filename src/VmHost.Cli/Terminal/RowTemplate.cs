using System.Text;

namespace VmHost.Cli.Terminal;

/// <summary>
/// docker's templates, as far as lists need them: text with <c>{{.Field}}</c>, <c>{{json .}}</c> and <c>{{json .Field}}</c>, with
/// <c>\t</c> and <c>\n</c>, and with <c>table </c> in front for aligned columns with a header.
/// </summary>
internal sealed class RowTemplate
{
    private const string Open = "{{";
    private const string Close = "}}";
    private const string TablePrefix = "table ";
    private const string JsonFunction = "json";

    private readonly IReadOnlyList<Part> _parts;
    private readonly bool _isTable;

    private RowTemplate(IReadOnlyList<Part> parts, bool isTable) => (_parts, _isTable) = (parts, isTable);

    /// <summary>Reads a template.</summary>
    /// <param name="flag">The option, for errors.</param>
    /// <param name="text">The template.</param>
    /// <param name="fields">The known fields.</param>
    /// <exception cref="CliException">It is not a template, or has an unknown field or function.</exception>
    internal static RowTemplate Parse(string flag, string text, IReadOnlyList<string> fields)
    {
        var isTable = text.StartsWith(TablePrefix, StringComparison.Ordinal);
        var rest = (isTable ? text[TablePrefix.Length..] : text).Replace("\\t", "\t", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal);
        var parts = new List<Part>();
        while (rest.Length > 0)
        {
            var open = rest.IndexOf(Open, StringComparison.Ordinal);
            if (open != 0)
            {
                var end = open < 0 ? rest.Length : open;
                parts.Add(new(rest[..end], null, IsJson: false));
                rest = rest[end..];
                continue;
            }

            var close = rest.IndexOf(Close, StringComparison.Ordinal);
            if (close < 0)
                throw new CliException(ExitCodes.Usage, $"{flag}: '{rest}' has no {Close}");

            parts.Add(Expression(flag, rest[Open.Length..close].Trim(), fields));
            rest = rest[(close + Close.Length)..];
        }

        return new(parts, isTable);
    }

    /// <summary>The lines for the rows.</summary>
    /// <typeparam name="T">A row.</typeparam>
    /// <param name="rows">The rows.</param>
    /// <param name="field">The value of a field; what a terminal would obey is replaced here.</param>
    /// <param name="json">The row, or the value of a field, as JSON on one line.</param>
    internal IEnumerable<string> Lines<T>(IEnumerable<T> rows, Func<T, string, string> field, Func<T, string?, string> json)
    {
        var lines = rows.Select(row => Line(part => part.IsJson ? json(row, part.Field) : Output.Visible(field(row, part.Field!))));
        if (!_isTable)
            return lines;

        var header = Line(static part => part.Field?.ToUpperInvariant() ?? "").Split('\t');
        return Table.Lines(header, lines.Select(static line => (IReadOnlyList<string>)line.Split('\t')));
    }

    private string Line(Func<Part, string> value)
    {
        var line = new StringBuilder();
        foreach (var part in _parts)
            line.Append(part.Text ?? value(part));

        return line.ToString();
    }

    private static Part Expression(string flag, string expression, IReadOnlyList<string> fields)
    {
        switch (expression.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            case [['.', .. var field]] when field.Length > 0:
                return new(null, Known(flag, field, fields), IsJson: false);
            case [JsonFunction, "."]:
                return new(null, null, IsJson: true);
            case [JsonFunction, ['.', .. var field]]:
                return new(null, Known(flag, field, fields), IsJson: true);
            case [var function, ..] when function[0] != '.':
                throw new CliException(ExitCodes.Usage, $"{flag}: there is no function '{function}'; the only one is {JsonFunction}");
            default:
                throw new CliException(ExitCodes.Usage, $"{flag}: '{expression}' is not a field; write {{{{.Name}}}}");
        }
    }

    private static string Known(string flag, string field, IReadOnlyList<string> fields) =>
        fields.FirstOrDefault(known => known.Equals(field, StringComparison.OrdinalIgnoreCase))
            ?? throw new CliException(ExitCodes.Usage, $"{flag}: there is no field '{field}'; the fields are {string.Join(", ", fields)}");

    /// <summary>Text, or a field; null for both is the whole row.</summary>
    private sealed record Part(string? Text, string? Field, bool IsJson);
}
