using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace VmHost.Tests.Supervision.Qmp;

/// <summary>The other side of a monitor's socket: what a test lets QEMU say.</summary>
internal sealed class FakeMonitor(Socket socket) : IDisposable
{
    private readonly StreamReader _reader = new(new NetworkStream(socket, ownsSocket: true));

    /// <summary>Greets and takes qmp_capabilities.</summary>
    internal async Task GreetAsync()
    {
        await SayAsync("""{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}""");
        Assert.Equal("qmp_capabilities", (await HearAsync()).Command);
        await SayAsync("""{"return": {}}""");
    }

    internal Task SayAsync(string line) => SayBytesAsync(Encoding.UTF8.GetBytes(line + "\r\n"));

    internal async Task SayBytesAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, TestContext.Current.CancellationToken)..];
    }

    internal Task SayEventAsync(string name, string data = "{}") =>
        SayAsync($$"""{"timestamp": {"seconds": 1795896096, "microseconds": 821075}, "event": "{{name}}", "data": {{data}}}""");

    /// <summary>The next command, and its id as JSON.</summary>
    internal async Task<(string Command, string Id)> HearAsync()
    {
        var line = await _reader.ReadLineAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(line);
        using var json = JsonDocument.Parse(line);
        return (json.RootElement.GetProperty("execute").GetString()!, json.RootElement.TryGetProperty("id", out var id) ? id.GetRawText() : "");
    }

    public void Dispose() => _reader.Dispose();
}
