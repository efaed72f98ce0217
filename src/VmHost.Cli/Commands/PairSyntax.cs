using System.CommandLine;
using Google.Protobuf.Collections;

namespace VmHost.Cli.Commands;

/// <summary>Labels and annotations as people type them: KEY=VALUE, or KEY for an empty value.</summary>
internal static class PairSyntax
{
    internal static Option<string[]> LabelOption() =>
        new("--label", "-l") { Description = "Label KEY=VALUE, by which machines are selected, repeatable", HelpName = "LABEL" };

    internal static Option<string[]> AnnotationOption() =>
        new("--annotation") { Description = "Annotation KEY=VALUE, kept for tools, repeatable", HelpName = "ANNOTATION" };

    /// <summary>Adds the pairs.</summary>
    /// <exception cref="CliException">A key is given twice.</exception>
    internal static void AddTo(MapField<string, string> map, string label, IEnumerable<string> texts)
    {
        foreach (var text in texts)
        {
            var (key, value) = text.Split('=', 2) is [var first, var rest] ? (first, rest) : (text, "");
            if (!map.TryAdd(key, value))
                throw new CliException(ExitCodes.Usage, $"{label}: {key} is given twice; give it once");
        }
    }
}
