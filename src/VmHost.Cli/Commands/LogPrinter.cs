using System.Buffers;
using System.Globalization;
using System.Text;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

/// <summary>One machine's output from one source, as it is to look. Not safe for use by two threads at once.</summary>
/// <param name="layout">How.</param>
/// <param name="label">Before each line; empty for none.</param>
/// <param name="sink">Where to.</param>
internal sealed class LogPrinter(LogLayout layout, string label, LogSink sink)
{
    // A line that does not end is shown in parts.
    private const int MaxLine = 64 << 10;

    private ConsoleSanitizer? _sanitizer = layout.Harmless ? new() : null;
    private readonly ArrayBufferWriter<byte> _line = new();
    private DateTimeOffset? _lineTime;

    /// <summary>Shows some more.</summary>
    /// <param name="data">As the guest wrote it.</param>
    /// <param name="time">When; null where that is not known.</param>
    internal void Write(ReadOnlySpan<byte> data, DateTimeOffset? time)
    {
        var shown = _sanitizer is null ? data : _sanitizer.Clean(data).Span;
        if (layout.ByLine)
            WriteLines(shown, time);
        else
            sink.Write(shown);
    }

    /// <summary>Shows what is left of a line that does not end, or whose end is lost: what follows begins anew.</summary>
    internal void Finish()
    {
        var rest = _sanitizer is null ? [] : _sanitizer.Finish().Span;
        if (!layout.ByLine)
            sink.Write(rest);
        else if (_line.WrittenCount + rest.Length > 0)
            WriteLine([.. _line.WrittenSpan, .. rest]);
        _line.ResetWrittenCount();
        _sanitizer = layout.Harmless ? new() : null;
    }

    private void WriteLines(ReadOnlySpan<byte> data, DateTimeOffset? time)
    {
        while (!data.IsEmpty)
        {
            // A line is as old as its begin.
            if (_line.WrittenCount == 0)
                _lineTime = time;

            var end = data.IndexOf((byte)'\n');
            var count = end >= 0 ? end : Math.Min(data.Length, MaxLine - _line.WrittenCount);
            _line.Write(data[..count]);
            if (end >= 0 || _line.WrittenCount >= MaxLine)
            {
                WriteLine(_line.WrittenSpan);
                _line.ResetWrittenCount();
            }

            data = data[(end >= 0 ? end + 1 : count)..];
        }
    }

    private void WriteLine(ReadOnlySpan<byte> line)
    {
        if (line.EndsWith("\r"u8))
            line = line[..^1];
        if (layout.Grep is { } grep && !grep.IsMatch(Text(line)))
            return;

        sink.Write([.. Encoding.UTF8.GetBytes(label), .. layout.Timestamps ? Time(_lineTime) : [], .. line, (byte)'\n']);
    }

    // As a person reads it: colours are no part of it, wherever it goes.
    private string Text(ReadOnlySpan<byte> line)
    {
        if (layout.Harmless)
            return Encoding.UTF8.GetString(line);

        var sanitizer = new ConsoleSanitizer();
        return Encoding.UTF8.GetString(sanitizer.Clean(line).Span) + Encoding.UTF8.GetString(sanitizer.Finish().Span);
    }

    private static byte[] Time(DateTimeOffset? time) =>
        Encoding.UTF8.GetBytes(time is { } known ? known.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ ", CultureInfo.InvariantCulture) : "- ");
}
