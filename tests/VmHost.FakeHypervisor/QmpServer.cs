using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace VmHost.FakeHypervisor;

/// <summary>QEMU's monitor: one client at a time; all that it sends is logged, also when nobody is connected.</summary>
internal sealed class QmpServer : IDisposable
{
    private const string Greeting =
        """{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "fakehv"}, "capabilities": ["oob"]}}""";

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _path;
    private readonly Action<string> _onCommand;

    // Guards the two fields that follow, so that lines come whole and in the same order to both.
    private readonly Lock _lock = new();
    private readonly FileStream? _log;
    private Socket? _client;

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

    internal void SendEvent(string name, string more = "") =>
        Send($$"""{"timestamp": {"seconds": {{TimeProvider.System.GetUtcNow().ToUnixTimeSeconds()}}, "microseconds": 0}, "event": "{{name}}"{{more}}}""");

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

    private void ServeClients()
    {
        while (true)
        {
            var client = _listener.Accept();
            lock (_lock)
                _client = client;

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
        var bytes = Encoding.UTF8.GetBytes(line + "\r\n");
        lock (_lock)
        {
            _log?.Write(bytes);
            try
            {
                _client?.Send(bytes);
            }
            catch (SocketException)
            {
                // The log has it; the client is gone.
            }
        }
    }
}
