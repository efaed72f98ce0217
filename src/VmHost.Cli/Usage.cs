using System.CommandLine;
using System.CommandLine.Parsing;

namespace VmHost.Cli;

/// <summary>What is wrong with a command line, a line each.</summary>
internal static class Usage
{
    private const string EndOfOptions = "--";

    // What .NET makes of bytes that are not UTF-8: a path that holds it is that of another file.
    private const char Replacement = '\ufffd';

    internal static IReadOnlyList<string> Faults(ParseResult parsed, IReadOnlyList<string> args)
    {
        var damaged = args.Select((word, at) => (Word: word, Number: at + 1)).Where(one => one.Word.Contains(Replacement, StringComparison.Ordinal)).ToList();
        if (damaged.Count > 0)
            return [.. damaged.Select(one => $"argument {one.Number} ('{one.Word}') is not valid UTF-8, or has the character U+FFFD; rename the file, or give the text in UTF-8 without it")];

        if (parsed.Action is Help)
            return [];

        // First: an option that was taken for an argument makes the argument itself one too many.
        var faults = Swallowed(parsed.CommandResult, args).ToList();
        if (faults.Count == 0)
            faults.AddRange(parsed.UnmatchedTokens.Select(Unknown));

        // What follows from the faults above is no news.
        if (faults.Count == 0)
            faults.AddRange(parsed.Errors.Select(error => error.Message.TrimEnd('.')));

        return [.. faults.Select(fault => $"{fault}; see: {Path(parsed.CommandResult)} --help")];
    }

    // The parser gives an option that it does not know to a positional argument, if one is to come.
    private static IEnumerable<string> Swallowed(CommandResult command, IReadOnlyList<string> args)
    {
        var end = args.ToList().IndexOf(EndOfOptions);
        var literal = end < 0 ? [] : args.Skip(end + 1).ToList();
        return command.Children.OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens)
            .Select(token => token.Value)
            .Where(value => value.Length > 1 && value[0] == '-' && !literal.Remove(value))
            .Select(Unknown);
    }

    private static string Unknown(string token) =>
        token.StartsWith('-') ? $"there is no option '{token}' here" : $"'{token}' is not expected here";

    private static string Path(SymbolResult? result) =>
        result switch
        {
            CommandResult { Parent: { } parent } command => $"{Path(parent)} {command.Command.Name}",
            _ => "vmctl",
        };
}
