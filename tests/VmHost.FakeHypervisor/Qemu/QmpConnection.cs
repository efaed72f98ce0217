using System.Text;
using System.Text.Json;

namespace VmHost.FakeHypervisor.Qemu;

/// <summary>What a command comes to.</summary>
/// <param name="Json">Of its result; null if there is no such command.</param>
/// <param name="Then">Done after the answer; null for nothing.</param>
internal readonly record struct QmpResult(string? Json, Action? Then = null);

/// <summary>A client of one of QEMU's monitors, from its greeting on. It has no word of events until it said qmp_capabilities.</summary>
/// <param name="stream">To the client.</param>
/// <param name="execute">Executes a command.</param>
internal sealed class QmpConnection(Stream stream, Func<string, QmpResult> execute)
{
    private const string Greeting =
        """{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "fakehv"}, "capabilities": ["oob"]}}""";

    // Lines come whole; guards the field too.
    private readonly Lock _lock = new();
    private bool _hasNegotiated;

    /// <summary>Serves it until it goes away.</summary>
    internal void Serve()
    {
        Send(Greeting);
        try
        {
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
                Answer(line);
        }
        catch (IOException)
        {
            // It closed the connection abruptly: as good as any end.
        }
    }

    internal void SendEvent(ReadOnlySpan<byte> line)
    {
        lock (_lock)
        {
            if (_hasNegotiated)
                SendLocked(line);
        }
    }

    private void Answer(string line)
    {
        using var json = JsonDocument.Parse(line);
        var command = json.RootElement.GetProperty("execute").GetString()!;
        var id = json.RootElement.TryGetProperty("id", out var given) ? $$""", "id": {{given.GetRawText()}}""" : "";
        bool negotiates;
        lock (_lock)
            negotiates = !_hasNegotiated;

        if (negotiates != (command == "qmp_capabilities"))
        {
            Send($$"""{"error": {"class": "CommandNotFound", "desc": "{{(negotiates ? $"Expecting capabilities negotiation with 'qmp_capabilities'" : $"Capabilities negotiation is already complete, command '{command}' ignored")}}"}{{id}}}""");
            return;
        }

        if (negotiates)
        {
            lock (_lock)
                _hasNegotiated = true;
            Send($$"""{"return": {}{{id}}}""");
            return;
        }

        var result = execute(command);
        Send(result.Json is { } value
            ? $$"""{"return": {{value}}{{id}}}"""
            : $$"""{"error": {"class": "CommandNotFound", "desc": "The command {{command}} has not been found"}{{id}}}""");
        result.Then?.Invoke();
    }

    private void Send(string line)
    {
        lock (_lock)
            SendLocked(Encoding.UTF8.GetBytes(line + "\r\n"));
    }

    private void SendLocked(ReadOnlySpan<byte> line)
    {
        try
        {
            stream.Write(line);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The client is gone.
        }
    }
}
