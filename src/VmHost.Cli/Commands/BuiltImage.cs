using VmHost.Cli.Terminal;
using VmHost.LinuxKit;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>A YAML in the place of a prefix: it is built beside itself, unless nothing changed, and then run.</summary>
internal static class BuiltImage
{
    /// <summary>Puts the prefix of what was built into the request; does nothing where there is a prefix already.</summary>
    /// <exception cref="CliException">It cannot be built.</exception>
    internal static async Task BuildAsync(RunMachineRequest request, CancellationToken ct)
    {
        if (request.Spec.Boot is { HasTriplePrefix: true } boot && BuildInput.IsYaml(boot.TriplePrefix))
            boot.TriplePrefix = await PrefixAsync(boot.TriplePrefix, ct);
    }

    private static Task<string> PrefixAsync(string yaml, CancellationToken ct) => BuildInput.TellingAsync(async () =>
    {
        // The prefix was made absolute; errors name what was typed.
        var file = BuildInput.Find(Path.GetRelativePath(Directory.GetCurrentDirectory(), yaml) is var relative && !relative.StartsWith("..", StringComparison.Ordinal) ? relative : yaml);
        var directory = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var name = BuildInput.NameOf(file);
        var request = new BuildRequest
        {
            Texts = [BuildInput.Read(file)],
            Name = name,
            OutputDirectory = directory,
            Formats = ["kernel+initrd"],
            Architecture = BuildOptionSet.HostArchitecture,
            StoreDirectory = BuildInput.StoreDirectory,
            Mirrors = BuildOptionSet.MirrorsOfEnvironment,
            OnlyIfChanged = true,
            LockPath = File.Exists(ImageBuilder.LockPathFor(file)) ? ImageBuilder.LockPathFor(file) : null,
            Locked = true,
            WorkingDirectory = Directory.GetCurrentDirectory(),
            Home = BuildInput.Home,
        };
        try
        {
            using var progress = new BuildProgressView(Output.HasWatcher ? ProgressKind.Terminal : ProgressKind.Plain);
            await new ImageBuilder(progress).BuildAsync(request, ct);
        }
        catch (LinuxKitException e) when (e.Faults.Any(IsOfManifest))
        {
            throw new CliException(ExitCodes.Usage, [.. e.Faults, $"{file} looks like a machine's manifest, and not like an image's YAML: vmctl run --spec {file}"]);
        }

        return Path.Combine(directory, name);
    });

    // Both are YAML, and both go with run.
    private static bool IsOfManifest(string fault) =>
        fault.Contains("there is no key 'prefix'", StringComparison.Ordinal) || fault.Contains(": kernel wants keys with values", StringComparison.Ordinal);
}
