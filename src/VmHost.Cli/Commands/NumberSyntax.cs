using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace VmHost.Cli.Commands;

/// <summary>Whole numbers. Which of them make sense is the daemon's matter.</summary>
internal static class NumberSyntax
{
    /// <summary>An option whose value is a number, with a fault that a person understands.</summary>
    internal static Option<T?> Option<T>(string name, string alias, string helpName, string description)
        where T : struct, System.Numerics.IBinaryInteger<T>
    {
        var option = new Option<T?>(name, alias) { Description = description, HelpName = helpName };
        option.CustomParser = argument =>
        {
            if (T.TryParse(Text(argument), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
                return number;

            argument.AddError($"{name} wants a whole number, not '{Text(argument)}'");
            return null;
        };
        return option;
    }

    private static string Text(ArgumentResult argument) => argument.Tokens.Count > 0 ? argument.Tokens[^1].Value : "";
}
