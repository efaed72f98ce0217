using System.CommandLine;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

/// <summary>Arguments and options that several commands have.</summary>
internal static class CommonOptions
{
    private const string Json = "json";
    private const string Yaml = "yaml";
    private const string MachineDescription = "Name, id or unique beginning of an id";

    /// <summary>Of every command, so that it may stand before or behind the verb.</summary>
    internal static readonly Option<string> Format = CreateFormat();

    /// <summary>Whether the output is for programs.</summary>
    internal static bool IsStructured(ParseResult parsed) => parsed.GetValue(Format) is Json or Yaml;

    internal static bool IsYaml(ParseResult parsed) => parsed.GetValue(Format) == Yaml;

    /// <summary>Prints a JSON value in the format that is wanted of a program's output.</summary>
    internal static void Print(ParseResult parsed, string json) => Output.Line(IsYaml(parsed) ? YamlText.FromJson(json) : json);

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
        option.AcceptOnlyFromAmong("table", Json, Yaml);
        return option;
    }
}
