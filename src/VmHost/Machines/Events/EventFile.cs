using System.Text.Json;
using System.Text.Json.Serialization;
using VmHost.Posix;

namespace VmHost.Machines.Events;

/// <summary>
/// <c>events.jsonl</c> in the state directory: the log's id in the first line, then one event a line. Appended to, and
/// now and then replaced by one with its newer half. A line that a crash tore is dropped at the next start.
/// </summary>
internal sealed class EventFile(string path)
{
    // rw-------
    private const int OwnerOnly = 0x180;

    private int _file = -1;

    /// <summary>What is in it, as far as it can be read; a new id and nothing where there is no such file.</summary>
    internal (string LogId, long Dropped, List<HostEvent> Events) Load()
    {
        var events = new List<HostEvent>();
        EventFileHead? head = null;
        try
        {
            // At a named pipe in its place a daemon would wait for ever.
            using var file = FileStatus.OpenRegular(path, out _);
            using var lines = new StreamReader(file is null ? Stream.Null : new FileStream(file, FileAccess.Read));
            while (lines.ReadLine() is { } line)
            {
                if (head is null)
                    head = JsonSerializer.Deserialize(line, EventJson.Default.EventFileHead);
                else if (JsonSerializer.Deserialize(line, EventJson.Default.HostEvent) is { } read)
                    events.Add(read);
            }
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // What comes before it is sound: the rest was torn by a crash, or by somebody's editor.
        }

        head ??= new(NewId(), 0);
        return (head.Log, head.Dropped, events);
    }

    /// <summary>Puts these events in place of all that is in it.</summary>
    /// <exception cref="IOException">The old ones still stand.</exception>
    internal void Replace(EventFileHead head, IEnumerable<HostEvent> events)
    {
        var content = new MemoryStream();
        content.Write(JsonSerializer.SerializeToUtf8Bytes(head, EventJson.Default.EventFileHead));
        content.WriteByte((byte)'\n');
        foreach (var one in events)
            content.Write(Line(one));

        AtomicFile.Replace(path, content.GetBuffer().AsSpan(0, (int)content.Length));
        Close();
        _file = Descriptor.Open(path, Descriptor.WriteOnly | Descriptor.Append | Descriptor.NoFollow, OwnerOnly);
    }

    /// <summary>Writes one more.</summary>
    /// <exception cref="IOException">The file may end with a part of it; only <see cref="Replace"/> mends that.</exception>
    internal void Append(HostEvent one)
    {
        var line = Line(one);
        var count = _file >= 0 ? Descriptor.Write(_file, line) : -1;
        if (count != line.Length)
            throw new IOException($"{path} took {count} of {line.Length} bytes (errno {Descriptor.LastError})");
    }

    internal void Close()
    {
        if (_file >= 0)
            Descriptor.Close(_file);
        _file = -1;
    }

    private static string NewId() => System.Security.Cryptography.RandomNumberGenerator.GetHexString(8, lowercase: true);

    private static byte[] Line(HostEvent one) => [.. JsonSerializer.SerializeToUtf8Bytes(one, EventJson.Default.HostEvent), (byte)'\n'];
}

/// <param name="Log">Random: tells this log from one that was lost with its state directory.</param>
/// <param name="Dropped">The number of the newest event that is not kept any more.</param>
internal sealed record EventFileHead(string Log, long Dropped);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(HostEvent))]
[JsonSerializable(typeof(EventFileHead))]
internal sealed partial class EventJson : JsonSerializerContext;
