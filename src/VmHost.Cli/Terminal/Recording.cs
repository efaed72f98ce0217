using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace VmHost.Cli.Terminal;

/// <summary>
/// What a terminal showed and when, as an asciicast file of version 2 (https://docs.asciinema.org/manual/asciicast/v2/), which
/// asciinema plays. Bytes that are no UTF-8 become replacement characters, as the format is text.
/// </summary>
internal sealed class Recording : IDisposable
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly FileStream _file;
    private readonly TimeProvider _time;
    private readonly long _begin;

    // A character may be cut by the end of a piece.
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly Lock _lock = new();

    /// <param name="file">Empty; closed with this.</param>
    /// <param name="size">The terminal's.</param>
    /// <param name="title">Shown by players.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal Recording(FileStream file, TerminalSize size, string title, TimeProvider time)
    {
        (_file, _time, _begin) = (file, time, time.GetTimestamp());
        WriteLine(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("version", 2);
            json.WriteNumber("width", size.Columns);
            json.WriteNumber("height", size.Rows);
            json.WriteNumber("timestamp", time.GetUtcNow().ToUnixTimeSeconds());
            json.WriteString("title", title);
            json.WriteEndObject();
        });
    }

    /// <summary>The terminal showed this.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal void Output(ReadOnlySpan<byte> data)
    {
        var text = new char[_decoder.GetCharCount(data, flush: false)];
        _decoder.GetChars(data, text, flush: false);
        if (text.Length > 0)
            WriteEvent("o", new string(text));
    }

    /// <summary>The terminal has another size now.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal void Resized(TerminalSize size) => WriteEvent("r", $"{size.Columns}x{size.Rows}");

    public void Dispose() => _file.Dispose();

    private void WriteEvent(string kind, string data) => WriteLine(json =>
    {
        json.WriteStartArray();
        json.WriteNumberValue(Math.Round(_time.GetElapsedTime(_begin).TotalSeconds, 6));
        json.WriteStringValue(kind);
        json.WriteStringValue(data);
        json.WriteEndArray();
    });

    // Whole lines, at once: a vmctl that is killed leaves a recording that can be played.
    private void WriteLine(Action<Utf8JsonWriter> write)
    {
        lock (_lock)
        {
            _line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_line, Readable))
                write(json);
            _line.Write("\n"u8);
            _file.Write(_line.WrittenSpan);
            _file.Flush();
        }
    }
}
