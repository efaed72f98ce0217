using System.CommandLine;

namespace VmHost.Cli.Commands;

/// <summary>Arguments and options that several commands have.</summary>
internal static class CommonOptions
{
    private const string Json = "json";
    private const string MachineDescription = "Name, id or unique beginning of an id";

    /// <summary>Of every command, so that it may stand before or behind the verb.</summary>
    internal static readonly Option<string> Format = CreateFormat();

    internal static bool IsJson(ParseResult parsed) => parsed.GetValue(Format) == Json;

    internal static Argument<string[]> Machines(bool optional = false) =>
        new("MACHINE") { Description = MachineDescription, Arity = optional ? ArgumentArity.ZeroOrMore : ArgumentArity.OneOrMore };

    internal static Argument<string> Machine() => new("MACHINE") { Description = MachineDescription };

    internal static Option<bool> All() => new("--all", "-a") { Description = "All that run" };

    private static Option<string> CreateFormat()
    {
        var option = new Option<string>("--output", "-o")
        {
            Description = "For people or for programs",
            DefaultValueFactory = _ => "table",
            Recursive = true,
        };
        option.AcceptOnlyFromAmong("table", Json);
        return option;
    }
}
