using System.Buffers;
using System.Text.Json;
using VmHost.Posix;

namespace VmHost.ShimContract.Records;

/// <summary>The names in a machine's directory, and JSON without a serializer: the shim must stay small.</summary>
public static class RecordFile
{
    public const string Machine = "machine.json";
    public const string Launch = "launch.json";
    public const string Run = "run.json";
    public const string Exit = "exit.json";
    public const string Lock = "lock";
    public const string Console = "console";
    public const string HypervisorLog = "hypervisor.log";

    /// <summary>What came before it in the same boot, where that was much.</summary>
    public const string OlderHypervisorLog = "hypervisor.log.1";

    /// <summary>Version of all three records between daemon and shim.</summary>
    internal const int Schema = 1;

    /// <summary>All bytes of a record. Nothing else is read: at a named pipe in its place a daemon would wait for ever.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    /// <exception cref="InvalidDataException">It is no regular file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static byte[] ReadAll(string path)
    {
        using var file = FileStatus.OpenRegular(path, out var status);
        if (file is not null)
        {
            var bytes = new byte[status.Size];
            var count = 0;
            for (int read; count < bytes.Length && (read = RandomAccess.Read(file, bytes.AsSpan(count), count)) > 0; count += read)
            {
                // Its name stands for a whole record: it is replaced, never written to.
            }

            return count == bytes.Length ? bytes : throw new IOException($"{path}: was cut while it was read");
        }

        throw status.Failure switch
        {
            FileFailure.NotFound => new FileNotFoundException($"{path} is not there"),
            FileFailure.None => new InvalidDataException($"{path} is no regular file"),
            _ => new PosixException($"open {path}", status.Errno),
        };
    }

    internal static byte[] ToJson(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("schema", Schema);
            write(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="InvalidDataException">The file is no such record; its message says why.</exception>
    internal static T FromJson<T>(string path, Func<JsonElement, T> read)
    {
        var bytes = ReadAll(path);
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var schema = document.RootElement.GetProperty("schema").GetInt32();
            if (schema != Schema)
                throw new InvalidDataException($"{path}: schema {schema} is not known here");

            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }
}
