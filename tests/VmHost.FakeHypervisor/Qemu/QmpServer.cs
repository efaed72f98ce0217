using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace VmHost.FakeHypervisor.Qemu;

/// <summary>
/// QEMU's monitors: one that serves a client at a time, and has no word of events for it until it said qmp_capabilities;
/// and one that only logs events.
/// </summary>
internal sealed class QmpServer : IDisposable
{
    private const string Greeting =
        """{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "fakehv"}, "capabilities": ["oob"]}}""";

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _path;
    private readonly Action<string> _onCommand;

    // Guards the fields that follow, so that lines come whole and in the same order to both.
    private readonly Lock _lock = new();
    private readonly FileStream? _log;
    private Socket? _client;
    private bool _greeting;

    /// <param name="path">Where to listen; what is there is replaced.</param>
    /// <param name="logPath">Begun anew, as QEMU does; null for none.</param>
    /// <param name="onCommand">Called after a command was answered.</param>
    internal QmpServer(string path, string? logPath, Action<string> onCommand)
    {
        (_path, _onCommand) = (path, onCommand);
        _log = logPath is null ? null : new(logPath, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0);
        File.Delete(path);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(1);
    }

    internal void Serve() => new Thread(ServeClients) { IsBackground = true }.Start();

    internal void SendShutdown(bool guest, string reason) =>
        SendEvent("SHUTDOWN", $$""", "data": {"guest": {{(guest ? "true" : "false")}}, "reason": "{{reason}}"}""");

    internal void SendEvent(string name, string more = "")
    {
        var line = Encoding.UTF8.GetBytes(
            $$"""{"timestamp": {"seconds": {{TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()}}, "microseconds": 0}, "event": "{{name}}"{{more}}}""" + "\r\n");
        lock (_lock)
        {
            LogLocked(line);
            if (!_greeting)
                SendLocked(line);
        }
    }

    public void Dispose()
    {
        File.Delete(_path);
        _listener.Dispose();
        lock (_lock)
        {
            _client?.Dispose();
            _log?.Dispose();
        }
    }

    private Socket Accept()
    {
        while (true)
        {
            try
            {
                return _listener.Accept();
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.Interrupted)
            {
                // A signal came, such as that of a terminal's new size.
            }
        }
    }

    private void ServeClients()
    {
        while (true)
        {
            var client = Accept();
            lock (_lock)
                (_client, _greeting) = (client, true);

            Send(Greeting);
            try
            {
                using var reader = new StreamReader(new NetworkStream(client));
                while (reader.ReadLine() is { } line)
                    Answer(line);
            }
            catch (IOException)
            {
                // It closed the connection abruptly: as good as any end.
            }

            lock (_lock)
                _client = null;
            client.Dispose();
        }
    }

    private void Answer(string line)
    {
        using var json = JsonDocument.Parse(line);
        var command = json.RootElement.GetProperty("execute").GetString()!;
        var id = json.RootElement.TryGetProperty("id", out var given) ? $$""", "id": {{given.GetRawText()}}""" : "";
        if (command == "qmp_capabilities")
        {
            lock (_lock)
                _greeting = false;
        }

        Send(command switch
        {
            "query-status" => $$"""{"return": {"status": "running", "singlestep": false, "running": true}{{id}}}""",
            "human-monitor-command" => $$"""{"return": ""{{id}}}""",
            "qmp_capabilities" or "system_powerdown" or "quit" or "stop" or "cont" => $$"""{"return": {}{{id}}}""",
            _ => $$"""{"error": {"class": "CommandNotFound", "desc": "The command {{command}} has not been found"}{{id}}}""",
        });
        _onCommand(command);
    }

    private void Send(string line)
    {
        lock (_lock)
            SendLocked(Encoding.UTF8.GetBytes(line + "\r\n"));
    }

    private void LogLocked(byte[] line)
    {
        try
        {
            _log?.Write(line);
        }
        catch (IOException)
        {
            // QEMU goes on without a word where its log cannot be written.
        }
    }

    private void SendLocked(byte[] line)
    {
        try
        {
            _client?.Send(line);
        }
        catch (SocketException)
        {
            // The client is gone.
        }
    }
}
