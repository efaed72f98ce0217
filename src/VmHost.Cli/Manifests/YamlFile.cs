using System.Text;
using VmHost.LinuxKit;
using VmHost.LinuxKit.Yaml;

namespace VmHost.Cli.Manifests;

/// <summary>A YAML file that holds one mapping, with places for errors.</summary>
internal static class YamlFile
{
    private const int MaxBytes = 1 << 20;

    // Some editors put it at the head of a text.
    private const char ByteOrderMark = '\ufeff';

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the entries of the mapping, in the order of the file.</summary>
    /// <exception cref="CliException">The file cannot be read, or is not a YAML mapping.</exception>
    internal static IEnumerable<YamlEntry> Read(string file)
    {
        try
        {
            return YamlReader.ReadAll(file, ReadText(file)) switch
            {
                [{ Kind: YamlKind.Map } root] => root.Members.Select(member => new YamlEntry(member)),
                [var other] => throw Fault($"{other.Place}: a manifest is a mapping: KEY: VALUE"),
                [] => throw Fault($"{file}: is empty; a manifest holds KEY: VALUE lines, such as prefix: PATH"),
                _ => throw Fault($"{file}: holds several documents; give one machine a file"),
            };
        }
        catch (LinuxKitException e)
        {
            throw Fault(e.Message);
        }
    }

    internal static CliException Fault(string line) => new(ExitCodes.Usage, line);

    private static string ReadText(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            var bytes = new byte[MaxBytes + 1];
            var length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            return length <= MaxBytes
                ? StrictUtf8.GetString(bytes, 0, length).TrimStart(ByteOrderMark)
                : throw Fault($"{file} is too long for a machine's manifest: more than {MaxBytes} bytes");
        }
        catch (DecoderFallbackException e)
        {
            throw Fault($"{file}: the byte at offset {e.Index} is not valid UTF-8; save the file as UTF-8");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw Fault($"--spec cannot be read: {e.Message}");
        }
    }
}
