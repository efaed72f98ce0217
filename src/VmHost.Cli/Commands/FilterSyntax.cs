using System.CommandLine;

namespace VmHost.Cli.Commands;

/// <summary>Selections of machines as people type them: as for docker, as for kubectl, or the API's own expression.</summary>
internal static class FilterSyntax
{
    private const string StateField = "state";

    private const string And = " AND ";

    internal static Option<string[]> FilterOption() =>
        new("--filter") { Description = "Machines that match, repeatable: state=running, name=web, label=env=prod, name:we, 'state != failed'", HelpName = "FILTER" };

    internal static Option<string[]> LabelOption() =>
        new("--label", "-l") { Description = "Machines with that label, repeatable: env=prod, env!=prod, or env for any value", HelpName = "SELECTOR" };

    /// <summary>Whether a term of a filter is about states.</summary>
    internal static bool SelectsStates(string filter) =>
        filter.Split(And).Any(static term => term.TrimStart().StartsWith(StateField, StringComparison.Ordinal) && term.TrimStart()[StateField.Length..].TrimStart() is ['=' or '!', ..]);

    /// <summary>The API's filter for all of them; empty for none.</summary>
    /// <exception cref="CliException">One is empty: a variable that is not set must not mean all machines.</exception>
    internal static string Compose(IEnumerable<string> filters, IEnumerable<string> selectors) =>
        string.Join(And, filters.Select(Filter).Concat(selectors.SelectMany(static list => list.Split(',')).Select(Selector)));

    // docker spells a label's filter label=KEY or label=KEY=VALUE, and a state's status=STATE.
    private static string Filter(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            throw new CliException(ExitCodes.Usage, "--filter is empty; leave it out for all machines");

        // An expression of several terms, or with quotes, is the API's.
        return text.Contains(And, StringComparison.Ordinal) || text.Contains('"', StringComparison.Ordinal)
            ? text
            : text.Split('=', 2) switch
            {
                ["label", var selector] => Selector(selector),
                ["status", var state] => $"{StateField} = {Quoted(state)}",
                ["name" or "id" or StateField, { Length: > 0 } value] field => $"{field[0]} = {Quoted(value.Trim())}",
                _ => text,
            };
    }

    private static string Selector(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
            throw new CliException(ExitCodes.Usage, "--label is empty; leave it out for all machines");

        return text.Split("!=", 2) is [var unequal, var other]
            ? $"labels.{unequal.Trim()} != {Quoted(other.Trim())}"
            : text.Split('=', 2) switch
            {
                [var key, var value] => $"labels.{key.Trim()} = {Quoted(value.TrimStart('=').Trim())}",
                _ => $"labels.{text.Trim()}:*",
            };
    }

    private static string Quoted(string value) =>
        $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
