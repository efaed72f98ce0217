using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;

namespace VmHost.Cli.Commands;

internal static class LogsCommand
{
    private const string All = "all";

    internal static Command Create()
    {
        var machines = CommonOptions.Machines(optional: true);
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the machine ends" };
        var tail = new Option<string>("--tail", "-n") { Description = "Begin with the last so many", HelpName = "LINES|all", DefaultValueFactory = _ => All };
        var since = new Option<string?>("--since") { Description = "Begin with what was written since then: 10m, 2h, or a time", HelpName = "TIME" };
        var until = new Option<string?>("--until") { Description = "End before what was written from then on", HelpName = "TIME" };
        var boot = new Option<string?>("--boot") { Description = "Only this boot: its number, -1 for the one before; alone: the current or last (default: all)", HelpName = "N|all", Arity = ArgumentArity.ZeroOrOne };
        var source = new Option<string>("--source") { Description = "What to show", DefaultValueFactory = _ => "console" };
        source.AcceptOnlyFromAmong("console", "hypervisor", "events", All);
        var timestamps = new Option<bool>("--timestamps", "-t") { Description = "Put before each line when it was written" };
        var grep = new Option<string?>("--grep") { Description = "Only lines in which that is found", HelpName = "REGEX" };
        var prefix = new Option<bool>("--prefix") { Description = "Put the machine's name before each line, as with several machines" };
        var raw = new Option<bool>("--raw") { Description = "To a terminal too, pass every byte as it is" };
        var file = new Option<string?>("--output-file") { Description = "Write to this file, which must not be there yet, instead of stdout", HelpName = "FILE" };
        var command = new Command("logs", "Show machines' console output") { machines, follow, tail, since, until, boot, source, timestamps, grep, prefix, raw, file };
        command.SetAction(async (parsed, ct) =>
        {
            var (names, bootText) = NamesAndBoot(parsed.GetValue(machines)!, parsed.GetValue(boot));
            var now = TimeProvider.System.GetUtcNow();
            var selection = new LogSelection(parsed.GetValue(follow))
            {
                TailLines = Tail(parsed.GetValue(tail)!),
                Since = Time("--since", parsed.GetValue(since), now),
                Until = Time("--until", parsed.GetValue(until), now),
                Boot = parsed.GetResult(boot) is null ? null : Boot(bootText),
                Sources = parsed.GetValue(source) is { } one and not All ? [one] : ["hypervisor", "events", "console"],
            };
            if (selection is { TailLines: not null, Since: not null })
                throw new CliException(ExitCodes.Usage, "--tail and --since both say where to begin: give one of them");

            if (selection is { Sources: ["hypervisor"] } and not { Follow: false, TailLines: null, Since: null, Until: null, Boot: null })
                throw new CliException(ExitCodes.Usage, "what the hypervisor said in the last boot is shown as a whole, without --follow, --tail, --since, --until and --boot");

            if (selection.Sources is not ["console"] and not ["hypervisor"] && selection is not { TailLines: null, Boot: null })
                throw new CliException(ExitCodes.Usage, "--tail and --boot choose console output: leave them out with --source events or all, or say --since");

            using var sink = new LogSink(parsed.GetValue(file));
            var layout = new LogLayout
            {
                Timestamps = parsed.GetValue(timestamps),
                Grep = Pattern(parsed.GetValue(grep)),
                Names = parsed.GetValue(prefix) || names.Length > 1,
                Sources = selection.Sources.Count > 1,
                Harmless = sink.IsTerminal && !parsed.GetValue(raw),
            };

            using var daemon = Connection.Open(parsed);
            var logs = new MachineLogs(daemon, selection, layout, sink);
            var failure = ExitCodes.Ok;
            foreach (var beside in selection.Follow ? [names] : names.Select(name => (string[])[name]))
            {
                var (_, code) = await MachineBatch.EachAsync(parsed, beside, name => logs.CopyAsync(name, ct));
                failure = failure == ExitCodes.Ok ? code : failure;
            }

            return failure;
        });
        return command;
    }

    // The parser takes the machine of "--boot NAME" for the boot's number.
    private static (string[] Names, string? Boot) NamesAndBoot(string[] names, string? boot) =>
        (names, boot) switch
        {
            ([], not null and not All) when !int.TryParse(boot, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) => ([boot], null),
            ([], _) => throw new CliException(ExitCodes.Usage, "name the machine whose output is to be shown; vmctl ls lists them"),
            _ => ([.. names.Distinct()], boot),
        };

    private static long? Tail(string text) =>
        text == All ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var lines) ? lines
        : throw new CliException(ExitCodes.Usage, $"--tail wants a number of lines or 'all', not '{text}'");

    private static int? Boot(string? text) =>
        text is null ? 0
        : text == All ? null
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var boot) ? boot
        : throw new CliException(ExitCodes.Usage, $"--boot wants a number or 'all', not '{text}'; for the last boot alone put it behind the machine: vmctl logs {text} --boot");

    private static DateTimeOffset? Time(string label, string? text, DateTimeOffset now) =>
        text is null ? null : TimeSyntax.Parse(label, text, now);

    private static Regex? Pattern(string? text)
    {
        try
        {
            return text is null ? null : new Regex(text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, Regex.InfiniteMatchTimeout);
        }
        catch (Exception e) when (e is RegexParseException or NotSupportedException)
        {
            throw new CliException(ExitCodes.Usage, $"--grep wants a regular expression without look-around and back-references: {e.Message}");
        }
    }
}
