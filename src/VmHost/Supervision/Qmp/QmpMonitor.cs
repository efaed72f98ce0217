using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;

namespace VmHost.Supervision.Qmp;

/// <summary>A connection to QEMU's monitor: any number of commands at once, and events in between.</summary>
internal sealed class QmpMonitor : IAsyncDisposable
{
    // Answers to the client before, such as a daemon that was killed, come here too: no id of theirs is one of these.
    private readonly string _idPrefix = RandomNumberGenerator.GetHexString(8, lowercase: true) + "-";
    private readonly Action<string>? _happened;

    // Guards the three that follow.
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (string Command, TaskCompletionSource<JsonElement> Answer)> _outstanding = new(StringComparer.Ordinal);
    private long _lastId;
    private string? _closedBecause;

    private IQmpChannel _channel = null!;

    private QmpMonitor(Action<string>? happened) => _happened = happened;

    /// <summary>Completes when the connection is closed; never faults.</summary>
    internal Task Closed { get; private set; } = Task.CompletedTask;

    /// <summary>Opens a connection by way of the shim.</summary>
    /// <param name="address">The shim's.</param>
    /// <param name="happened">Called with the name of each event, in order; it must neither wait nor throw.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="IOException">The monitor cannot be reached.</exception>
    internal static Task<QmpMonitor> OpenAsync(ShimAddress address, Action<string>? happened, CancellationToken ct) =>
        OpenAsync(async said => await QmpShimChannel.OpenAsync(address, said, ct), happened);

    /// <summary>Opens a connection to a monitor at a path.</summary>
    /// <inheritdoc cref="OpenAsync(ShimAddress, Action{string}?, CancellationToken)"/>
    internal static Task<QmpMonitor> OpenAsync(string path, Action<string>? happened, CancellationToken ct) =>
        OpenAsync(async said => await QmpSocketChannel.OpenAsync(path, said, ct), happened);

    /// <summary>Executes a command without arguments and returns its result.</summary>
    /// <exception cref="QmpException">QEMU refused it.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    internal Task<JsonElement> ExecuteAsync(string command, CancellationToken ct) => ExecuteAsync(command, arguments: null, ct);

    /// <summary>Executes a command and returns its result.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="arguments">Writes the members of its arguments; null for none.</param>
    /// <param name="ct">Gives up waiting. Whether the command is executed is not known then.</param>
    /// <exception cref="QmpException">QEMU refused it.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    internal async Task<JsonElement> ExecuteAsync(string command, Action<Utf8JsonWriter>? arguments, CancellationToken ct)
    {
        var answer = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        string id;
        lock (_lock)
        {
            if (_closedBecause is { } reason)
                throw new IOException(reason);

            id = _idPrefix + ++_lastId;
            _outstanding.Add(id, (command, answer));
        }

        try
        {
            await _channel.SendAsync(Compose(command, arguments, id), ct);
            return await answer.Task.WaitAsync(ct);
        }
        finally
        {
            lock (_lock)
                _outstanding.Remove(id);
        }
    }

    /// <summary>Returns what QEMU's monitor for people answers to a line.</summary>
    /// <exception cref="QmpException">QEMU refused it.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    internal async Task<string> AskHumanAsync(string line, CancellationToken ct)
    {
        var answer = await ExecuteAsync("human-monitor-command", json => json.WriteString("command-line", line), ct);
        return answer.GetString() ?? "";
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await Closed;
    }

    private static async Task<QmpMonitor> OpenAsync(Func<QmpLineHandler, Task<IQmpChannel>> open, Action<string>? happened)
    {
        var monitor = new QmpMonitor(happened);
        monitor._channel = await open(monitor.Take);
        monitor.Closed = monitor.CloseAsync();
        return monitor;
    }

    private static ReadOnlyMemory<byte> Compose(string command, Action<Utf8JsonWriter>? arguments, string id)
    {
        var request = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(request);
        json.WriteStartObject();
        json.WriteString("execute", command);
        if (arguments is not null)
        {
            json.WriteStartObject("arguments");
            arguments(json);
            json.WriteEndObject();
        }

        json.WriteString("id", id);
        json.WriteEndObject();
        json.Flush();
        return request.WrittenMemory;
    }

    private async Task CloseAsync()
    {
        await _channel.Closed;
        lock (_lock)
        {
            _closedBecause ??= "the connection to QEMU's monitor is closed";
            foreach (var (_, answer) in _outstanding.Values)
                answer.TrySetException(new IOException(_closedBecause));
        }
    }

    private void Take(ReadOnlyMemory<byte> line)
    {
        using var json = Parse(line);
        var root = json.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException("QEMU's monitor sent a line that is not an object");

        if (root.TryGetProperty("event", out var name) && name.ValueKind == JsonValueKind.String)
            _happened?.Invoke(name.GetString()!);
        else if (root.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String)
            Answer(id.GetString()!, root);
    }

    // What is thrown here ends the connection: what follows such a line cannot be trusted either.
    private static JsonDocument Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            return JsonDocument.Parse(line);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("QEMU's monitor sent a line that is not JSON", e);
        }
    }

    private void Answer(string id, JsonElement root)
    {
        (string Command, TaskCompletionSource<JsonElement> Answer) asked;
        lock (_lock)
        {
            if (!_outstanding.Remove(id, out asked))
                return;   // to another client, or to a command that its caller gave up
        }

        if (root.TryGetProperty("return", out var result))
            asked.Answer.TrySetResult(result.Clone());
        else
            asked.Answer.TrySetException(new QmpException(asked.Command, Describe(root)));
    }

    private static string Describe(JsonElement root) =>
        root.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object && error.TryGetProperty("desc", out var text) && text.ValueKind == JsonValueKind.String
            ? text.GetString()!
            : root.GetRawText();
}
