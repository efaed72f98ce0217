using System.CommandLine;
using System.Text;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>The options that say what to boot.</summary>
internal sealed class BootOptions
{
    // Far beyond what a kernel takes, so that the daemon tells the limit; and it might be /dev/zero.
    private const int MaxCommandLineFile = 64 * 1024;

    // Some editors put it at the head of a text.
    private const char ByteOrderMark = '\ufeff';

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly string[] Kernels = ["-kernel", "-bzImage"];
    private static readonly string[] Endings = [.. Kernels, "-initrd.img", "-cmdline"];

    private readonly Argument<string?> _prefix = new("PREFIX") { Description = "Path up to -kernel, -initrd.img and -cmdline; or LinuxKit's YAML, which is built", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _kernel = new("--kernel") { Description = "A bzImage, instead of PREFIX-kernel", HelpName = "FILE" };
    private readonly Option<string?> _initrd = new("--initrd") { Description = "Instead of PREFIX-initrd.img", HelpName = "FILE" };
    private readonly Option<string?> _cmdline = new("--cmdline") { Description = "Instead of PREFIX-cmdline", HelpName = "TEXT" };
    private readonly Option<string?> _cmdlineFile = new("--cmdline-file") { Description = "File that holds it", HelpName = "FILE" };
    private readonly Option<string?> _append = new("--append") { Description = "Put behind the command line", HelpName = "TEXT" };

    internal IReadOnlyList<Symbol> Symbols => [_prefix, _kernel, _initrd, _cmdline, _cmdlineFile, _append];

    internal void AddTo(Command command)
    {
        command.Arguments.Add(_prefix);
        foreach (var option in new Option[] { _kernel, _initrd, _cmdline, _cmdlineFile, _append })
            command.Options.Add(option);
    }

    internal BootSource Read(ParseResult parsed)
    {
        var boot = new BootSource();
        if (parsed.GetValue(_prefix) is { } prefix)
            boot.TriplePrefix = TripleOf(prefix);
        if (parsed.GetValue(_kernel) is { } kernel)
            boot.KernelPath = Absolute(kernel);
        if (parsed.GetValue(_initrd) is { } initrd)
            boot.InitrdPath = Absolute(initrd);
        if (CommandLine(parsed) is { } commandLine)
            boot.CommandLine = commandLine;
        if (parsed.GetValue(_append) is { } append)
            boot.Append = append;
        if (!boot.HasTriplePrefix && !boot.HasKernelPath)
            throw new CliException(ExitCodes.Usage, "name what to run: a PREFIX, --kernel or --spec");

        return boot;
    }

    /// <summary>An empty path stays empty: the daemon names the fault.</summary>
    internal static string Absolute(string path) => path.Length > 0 && !path.Contains('\0', StringComparison.Ordinal) ? Path.GetFullPath(path) : path;

    private static string TripleOf(string prefix)
    {
        // Whoever completes names with the Tab key gets one file of the triple.
        if (!BuildInput.IsYaml(prefix) && File.Exists(prefix) && !Kernels.Any(ending => File.Exists(prefix + ending)))
        {
            var hint = Endings.FirstOrDefault(ending => prefix.EndsWith(ending, StringComparison.Ordinal)) is { } found && prefix.Length > found.Length
                ? $"its triple's prefix would be: {prefix[..^found.Length]}"
                : "give the path up to -kernel, or the file itself as --kernel";
            throw new CliException(ExitCodes.Usage, $"PREFIX: '{prefix}' is a file and no prefix; {hint}");
        }

        return Absolute(prefix);
    }

    // The daemon would name the field, and not the file.
    private static string OneLine(string file, string text) =>
        text.AsSpan().IndexOfAny('\n', '\r', '\0') < 0
            ? text
            : throw new CliException(ExitCodes.Usage, $"--cmdline-file: {file} has a line break or NUL within the command line; write it in one line");

    private string? CommandLine(ParseResult parsed)
    {
        if (parsed.GetValue(_cmdlineFile) is not { } file)
            return parsed.GetValue(_cmdline);
        if (parsed.GetValue(_cmdline) is not null)
            throw new CliException(ExitCodes.Usage, "--cmdline and --cmdline-file do not go together");

        try
        {
            using var stream = File.OpenRead(file);
            Span<byte> text = stackalloc byte[MaxCommandLineFile + 1];
            var length = stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
            return length <= MaxCommandLineFile
                ? OneLine(file, StrictUtf8.GetString(text[..length]).TrimStart(ByteOrderMark).TrimEnd('\n', '\r'))
                : throw new CliException(ExitCodes.Usage, $"--cmdline-file: {file} is too long for a command line: more than {MaxCommandLineFile} bytes");
        }
        catch (DecoderFallbackException)
        {
            throw new CliException(ExitCodes.Usage, $"--cmdline-file: {file} is no text: it is not UTF-8");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CliException(ExitCodes.Usage, $"--cmdline-file cannot be read: {e.Message}");
        }
    }
}
