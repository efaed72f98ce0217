using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace VmHost.Cli.Terminal;

/// <summary>JSON as YAML of the same content, in blocks.</summary>
internal static class YamlText
{
    /// <summary>Converts one JSON value.</summary>
    internal static string FromJson(string json)
    {
        using var document = JsonDocument.Parse(json);
        using var text = new StringWriter { NewLine = "\n" };
        Write(text, emitter => Emit(emitter, document.RootElement));
        return text.ToString().TrimEnd('\n');
    }

    /// <summary>Writes one document.</summary>
    /// <param name="text">Gets it.</param>
    /// <param name="root">Emits the root.</param>
    internal static void Write(TextWriter text, Action<IEmitter> root)
    {
        // Long lines stay whole: a folded one would read as another text.
        var emitter = new Emitter(text, new EmitterSettings(bestIndent: 2, bestWidth: int.MaxValue, isCanonical: false, maxSimpleKeyLength: 1024, skipAnchorName: true));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart());
        root(emitter);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
    }

    /// <summary>A text, in quotes: without them some would read as a number, a date or null.</summary>
    internal static Scalar Quoted(string text) => new(AnchorName.Empty, TagName.Empty, text, ScalarStyle.DoubleQuoted, isPlainImplicit: false, isQuotedImplicit: true);

    /// <summary>A key, a number, or another word that reads as itself.</summary>
    internal static Scalar Plain(string text) => new(AnchorName.Empty, TagName.Empty, text, ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false);

    private static void Emit(IEmitter emitter, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                emitter.Emit(new MappingStart());
                foreach (var member in value.EnumerateObject())
                {
                    emitter.Emit(Key(member.Name));
                    Emit(emitter, member.Value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonValueKind.Array:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, value.GetArrayLength() == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in value.EnumerateArray())
                    Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case JsonValueKind.String:
                emitter.Emit(Quoted(value.GetString()!));
                break;
            default:
                emitter.Emit(Plain(value.GetRawText()));
                break;
        }
    }

    // Keys of labels are the caller's: some read as another type.
    private static Scalar Key(string name) => name.All(static character => char.IsAsciiLetterLower(character) || character == '_') && name is not ("true" or "false" or "null" or "yes" or "no" or "on" or "off" or "y" or "n") ? Plain(name) : Quoted(name);
}
