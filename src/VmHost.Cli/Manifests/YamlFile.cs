using System.Globalization;
using VmHost.LinuxKit.Yaml;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace VmHost.Cli.Manifests;

/// <summary>A YAML file that holds one mapping, with places for errors.</summary>
internal sealed class YamlFile
{
    private const int MaxBytes = 1 << 20;

    private readonly string _file;
    private readonly YamlMappingNode _root;

    private YamlFile(string file, YamlMappingNode root) => (_file, _root) = (file, root);

    /// <exception cref="CliException">It cannot be read, or is no YAML mapping.</exception>
    internal static YamlFile Read(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            var bytes = new byte[MaxBytes + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > MaxBytes)
                throw Fault($"{file} is too long for a machine's manifest: more than {MaxBytes} bytes");

            var yaml = new YamlStream();
            using var text = new StreamReader(new MemoryStream(bytes, 0, length));
            yaml.Load(text);
            return yaml.Documents switch
            {
                [{ RootNode: YamlMappingNode root }] => new(file, root),
                [var other] => throw Fault($"{Place(file, other.RootNode.Start)}: a manifest is a mapping: KEY: VALUE"),
                [] => throw Fault($"{file}: is empty; a manifest holds KEY: VALUE lines, such as prefix: PATH"),
                _ => throw Fault($"{file}: holds several documents; give one machine a file"),
            };
        }
        catch (YamlException e)
        {
            throw Fault($"{Place(file, e.Start)}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw Fault($"--spec cannot be read: {e.Message}");
        }
    }

    /// <summary>The mapping's entries, in the file's order.</summary>
    internal IEnumerable<YamlEntry> Entries() =>
        _root.Children.Select(pair => pair.Key is YamlScalarNode { Value: { } key }
            ? new YamlEntry(_file, key, pair.Key.Start, pair.Value)
            : throw Fault($"{Place(_file, pair.Key.Start)}: a key is a word"));

    internal static CliException Fault(string line) => new(ExitCodes.Usage, line);

    internal static string Place(string file, Mark mark) => string.Create(CultureInfo.InvariantCulture, $"{file}:{mark.Line}:{mark.Column}");
}

/// <summary>One key with its value.</summary>
/// <param name="file">For errors.</param>
/// <param name="key">The key.</param>
/// <param name="start">Where it stands.</param>
/// <param name="value">The value.</param>
internal sealed class YamlEntry(string file, string key, Mark start, YamlNode value)
{
    internal string Key { get; } = key;

    /// <summary>Where and what, to begin an error with.</summary>
    internal string Label => $"{YamlFile.Place(file, start)}: {Key}";

    /// <exception cref="CliException">It is no single value.</exception>
    internal string Text() =>
        value is YamlScalarNode { Value: { } text } ? text : throw YamlFile.Fault($"{Label} wants one value, and no list or mapping");

    /// <summary>A list, or a single value for a list of one.</summary>
    /// <exception cref="CliException">It is neither.</exception>
    internal IReadOnlyList<string> Texts() =>
        value is YamlSequenceNode list
            ? [.. list.Select(item => item is YamlScalarNode { Value: { } text } ? text : throw YamlFile.Fault($"{YamlFile.Place(file, item.Start)}: {Key} wants single values in its list"))]
            : [Text()];

    /// <summary>An error that names the nearest key that there is.</summary>
    internal CliException UnknownKey(IReadOnlyList<string> known) =>
        YamlFile.Fault($"{YamlFile.Place(file, start)}: there is no key '{Key}'{NearestKey.Hint(Key, known)}");
}
