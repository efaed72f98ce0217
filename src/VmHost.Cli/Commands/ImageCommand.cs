using System.CommandLine;
using VmHost.Cli.Terminal;
using VmHost.LinuxKit;

namespace VmHost.Cli.Commands;

/// <summary>The images that builds are made from, on this host. Needs no daemon.</summary>
internal static class ImageCommand
{
    internal static Command Create() =>
        new("image", "Show and change the images that builds are made from") { CreateList(), CreatePull(), CreateLoad(), CreateRemove(), CreatePrune() };

    private static Command CreateList()
    {
        var cache = Cache();
        var command = new Command("ls", "List them") { cache };
        command.Aliases.Add("list");
        command.SetAction((parsed, _) => BuildInput.TellingAsync(() =>
        {
            var images = Catalog(parsed, cache).List();
            if (CommonOptions.IsStructured(parsed))
                CommonOptions.Print(parsed, MachineJson.Of([.. images.Select(KeptImageView.Of)]));
            else
                Output.Line(string.Join('\n', Table.Lines(["IMAGE", "DIGEST", "SIZE", "LAST USE"], images.Select(Row))));
            return Task.FromResult(ExitCodes.Ok);
        }));
        return command;
    }

    private static Command CreatePull()
    {
        var common = new BuildOptionSet();
        var names = Images();
        var command = new Command("pull", "Bring images from their registries") { names };
        common.AddTo(command);
        command.SetAction((parsed, ct) => BuildInput.TellingAsync(async () =>
        {
            var catalog = new ImageCatalog(common.Cache(parsed));
            using var progress = common.Progress(parsed);
            foreach (var name in parsed.GetValue(names)!)
            {
                var image = await catalog.PullAsync(name, common.Architecture(parsed), common.Mirrors(parsed), progress, ct);
                Output.VisibleLine($"{image.Image}@{image.Digest}");
            }

            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command CreateLoad()
    {
        var cache = Cache();
        var path = new Argument<string>("PATH") { Description = "OCI layout (directory or tar), or what docker save wrote" };
        var name = new Option<string?>("--name") { Description = "What the one image in it is called (default: as it says)", HelpName = "IMAGE" };
        var command = new Command("load", "Bring images from a file or a directory") { path, name, cache };
        command.SetAction((parsed, ct) => BuildInput.TellingAsync(async () =>
        {
            var given = parsed.GetValue(path)!;
            if (!Path.Exists(given))
                throw new CliException(ExitCodes.Usage, $"there is no file or directory {given}");

            foreach (var loaded in await Catalog(parsed, cache).LoadAsync(given, parsed.GetValue(name), ct))
                Output.VisibleLine(loaded);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command CreateRemove()
    {
        var cache = Cache();
        var names = Images();
        var command = new Command("rm", "Remove images by name; prune frees their space") { names, cache };
        command.SetAction((parsed, ct) => BuildInput.TellingAsync(async () =>
        {
            var (catalog, code) = (Catalog(parsed, cache), ExitCodes.Ok);
            foreach (var name in parsed.GetValue(names)!)
            {
                if (await catalog.RemoveAsync(name, ct) is { } removed)
                {
                    Output.VisibleLine(removed);
                }
                else
                {
                    Output.Error($"there is no image {name} here; vmctl image ls lists them");
                    code = ExitCodes.NotFound;
                }
            }

            return code;
        }));
        return command;
    }

    private static Command CreatePrune()
    {
        var cache = Cache();
        var max = new Option<string?>("--max-size") { Description = "Remove also images, the longest unused first, until no more than that stays: 2G", HelpName = "SIZE" };
        var command = new Command("prune", "Free the space of what no image needs") { max, cache };
        command.SetAction((parsed, ct) => BuildInput.TellingAsync(async () =>
        {
            long? bytes = parsed.GetValue(max) is { } text ? SizeSyntax.Parse("--max-size", text) : null;
            var pruned = await Catalog(parsed, cache).PruneAsync(bytes, ct)
                ?? throw new CliException(ExitCodes.Conflict, "a build uses the images just now; prune when it is done");
            foreach (var name in pruned.Names)
                Output.VisibleLine(name);
            Output.Note($"{BuildProgressView.Size(pruned.FreedBytes)} freed");
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static IReadOnlyList<string> Row(KeptImage image) =>
        [image.Name, image.Digest[7..19], BuildProgressView.Size(image.Bytes), image.IsDamaged ? "damaged" : image.LastUse is { } used ? $"{used.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC" : "not here"];

    private static Argument<string[]> Images() => new("IMAGE") { Description = "Name, as in a YAML", Arity = ArgumentArity.OneOrMore };

    private static Option<string?> Cache() => new("--cache") { Description = "Where images are kept (default: ~/.cache/vmhost/images)", HelpName = "DIR" };

    private static ImageCatalog Catalog(ParseResult parsed, Option<string?> cache) => new(parsed.GetValue(cache) ?? BuildInput.StoreDirectory);
}
