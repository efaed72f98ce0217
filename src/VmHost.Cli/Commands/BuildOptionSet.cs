using System.CommandLine;
using System.Runtime.InteropServices;
using VmHost.Cli.Terminal;
using VmHost.LinuxKit.Outputs;

namespace VmHost.Cli.Commands;

/// <summary>Options that building and pulling have in common.</summary>
internal sealed class BuildOptionSet
{
    private readonly Option<string?> _architecture = new("--arch") { Description = "amd64 or arm64 (default: this host's)", HelpName = "ARCH" };
    private readonly Option<string?> _cache = new("--cache") { Description = "Where images are kept (default: ~/.cache/vmhost/images)", HelpName = "DIR" };
    private readonly Option<string[]> _mirrors = new("--mirror") { Description = "Ask there instead of a registry: docker.io=http://127.0.0.1:5000, repeatable", HelpName = "MIRROR" };
    private readonly Option<string> _progress = new("--progress") { Description = "auto, plain, tty or none", HelpName = "HOW", DefaultValueFactory = _ => "auto" };
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Print the result only" };

    internal BuildOptionSet()
    {
        _progress.AcceptOnlyFromAmong("auto", "plain", "tty", "none");
        _architecture.AcceptOnlyFromAmong("amd64", "arm64");
    }

    internal void AddTo(Command command)
    {
        foreach (var option in new Option[] { _architecture, _cache, _mirrors, _progress, _quiet })
            command.Options.Add(option);
    }

    internal string Architecture(ParseResult parsed) =>
        parsed.GetValue(_architecture) ?? HostArchitecture;

    internal static string HostArchitecture => RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64";

    /// <summary>LinuxKit's own variable.</summary>
    internal static IReadOnlyList<string> MirrorsOfEnvironment =>
        Environment.GetEnvironmentVariable("LINUXKIT_MIRROR") is { Length: > 0 } text ? text.Split(',', StringSplitOptions.RemoveEmptyEntries) : [];

    internal string Cache(ParseResult parsed) => parsed.GetValue(_cache) ?? BuildInput.StoreDirectory;

    internal IReadOnlyList<string> Mirrors(ParseResult parsed) =>
        parsed.GetValue(_mirrors) is { Length: > 0 } given ? given : MirrorsOfEnvironment;

    internal bool IsQuiet(ParseResult parsed) => parsed.GetValue(_quiet);

    internal BuildProgressView Progress(ParseResult parsed) =>
        new(IsQuiet(parsed) ? ProgressKind.None : parsed.GetValue(_progress) switch
        {
            "none" => ProgressKind.None,
            "tty" => ProgressKind.Terminal,
            "plain" => ProgressKind.Plain,
            _ => Output.HasWatcher ? ProgressKind.Terminal : ProgressKind.Plain,
        });

    /// <exception cref="CliException">It is none.</exception>
    internal static Compression Compression(string text) =>
        text switch
        {
            "gzip" => LinuxKit.Outputs.Compression.Gzip,
            "zstd" => LinuxKit.Outputs.Compression.Zstd,
            "none" => LinuxKit.Outputs.Compression.None,
            _ => throw new CliException(ExitCodes.Usage, $"--compression wants gzip, zstd or none, not '{text}'"),
        };
}
