using System.CommandLine;
using VmHost.Cli.Terminal;
using VmHost.LinuxKit;
using VmHost.LinuxKit.Configuration;
using VmHost.LinuxKit.Images;
using VmHost.LinuxKit.Layers;

namespace VmHost.Cli.Commands;

/// <summary>Needs no daemon.</summary>
internal static class BuildCommand
{
    internal static Command Create()
    {
        var common = new BuildOptionSet();
        var files = new Argument<string[]>("FILE") { Description = "LinuxKit YAML; .yml or .yaml may be left out; - is stdin; several are merged", Arity = ArgumentArity.OneOrMore };
        var name = new Option<string?>("--name") { Description = "What the files' names begin with (default: the last FILE's)", HelpName = "NAME" };
        var directory = new Option<string>("--dir") { Description = "Where the files go", HelpName = "DIR", DefaultValueFactory = _ => "." };
        var format = new Option<string[]>("--format", "-f") { Description = "kernel+initrd (default), tar, tar-kernel-initrd or docker", HelpName = "FORMAT", AllowMultipleArgumentsPerToken = false };
        var layout = new Option<string>("--layout") { Description = "For guests of 2017 or of today, or auto", HelpName = "LAYOUT", DefaultValueFactory = _ => "auto" };
        layout.AcceptOnlyFromAmong("auto", "2017", "today");
        var compression = new Option<string>("--compression") { Description = "Of the initrd: gzip, zstd or none", HelpName = "HOW", DefaultValueFactory = _ => "gzip" };
        var pull = new Option<bool>("--pull") { Description = "Ask the registries also for images that are here" };
        var noCache = new Option<bool>("--no-cache") { Description = "Pull everything, and keep nothing of it" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check everything, pull what is missing, write nothing" };
        var @lock = new Option<bool>("--lock") { Description = "Write the images' digests into FILE's .lock.json" };
        var locked = new Option<bool>("--locked") { Description = "Refuse images that are not in FILE's .lock.json" };
        var maxImage = new Option<string?>("--max-image-size") { Description = "What one image may be when unpacked, however well it was packed (default 8G)", HelpName = "SIZE" };
        var command = new Command("build", "Build kernel, initrd and cmdline from LinuxKit's YAML")
        {
            files, name, directory, format, layout, compression, pull, noCache, dryRun, @lock, locked, maxImage,
        };
        common.AddTo(command);
        command.SetAction((parsed, ct) => BuildInput.TellingAsync(async () =>
        {
            if (parsed.GetValue(@lock) && parsed.GetValue(locked))
                throw new CliException(ExitCodes.Usage, "--lock writes the lock file and --locked obeys it: one of them");

            var found = parsed.GetValue(files)!.Select(BuildInput.Find).ToList();
            using var own = parsed.GetValue(noCache) ? OneBuildStore.Create(common.Cache(parsed)) : null;
            var request = new BuildRequest
            {
                Texts = [.. found.Select(BuildInput.Read)],
                Name = OutputName(parsed.GetValue(name) ?? BuildInput.NameOf(found[^1])),
                OutputDirectory = parsed.GetValue(directory)!,
                Formats = parsed.GetValue(format) is { Length: > 0 } formats ? [.. formats.SelectMany(text => text.Split(','))] : null,
                Layout = parsed.GetValue(layout) switch { "2017" => Layout.Year2017, "today" => Layout.Today, _ => Layout.Auto },
                Architecture = common.Architecture(parsed),
                Pull = parsed.GetValue(pull),
                StoreDirectory = own?.Directory ?? common.Cache(parsed),
                Mirrors = common.Mirrors(parsed),
                LockPath = parsed.GetValue(@lock) || parsed.GetValue(locked) ? LockPath(found[^1]) : null,
                Locked = parsed.GetValue(locked),
                Compression = BuildOptionSet.Compression(parsed.GetValue(compression)!),
                DryRun = parsed.GetValue(dryRun),
                Limits = parsed.GetValue(maxImage) is { } size ? LayerLimits.UpTo(SizeSyntax.Parse("--max-image-size", size)) : new(),
                WorkingDirectory = Directory.GetCurrentDirectory(),
                Home = BuildInput.Home,
            };
            BuildResult result;
            using (var progress = common.Progress(parsed))
                result = await new ImageBuilder(progress).BuildAsync(request, ct);
            Print(parsed, common, result);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static void Print(ParseResult parsed, BuildOptionSet common, BuildResult result)
    {
        if (CommonOptions.IsStructured(parsed))
            CommonOptions.Print(parsed, MachineJson.Of(BuildView.Of(result)));
        else if (common.IsQuiet(parsed) && result.Files.Count > 0)
            Output.Line(string.Join('\n', result.Files.Select(Output.Visible)));
    }

    private static string OutputName(string name) =>
        name.Length is > 0 and <= 200 && !name.Contains('/', StringComparison.Ordinal) && !name.StartsWith('.')
            ? name
            : throw new CliException(ExitCodes.Usage, $"--name '{name}' cannot begin a file's name; where the files go says --dir");

    private static string LockPath(string file) =>
        file == "-" ? throw new CliException(ExitCodes.Usage, "--lock and --locked need a file: stdin has nothing beside it") : ImageBuilder.LockPathFor(file);
}
