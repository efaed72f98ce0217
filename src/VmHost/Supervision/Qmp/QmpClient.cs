using System.Buffers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace VmHost.Supervision.Qmp;

/// <summary>
/// QEMU's monitor, for one exchange at a time. QEMU serves one client, so a connection is opened for a purpose and
/// closed after it; what happens in between stands in the log of events.
/// </summary>
internal sealed class QmpClient : IDisposable
{
    // The longest lines are events of some hundred bytes; whoever sends more without a line break is no QEMU.
    private const int MaxLine = 1 << 20;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly byte[] _buffer = new byte[4 << 10];
    private readonly ArrayBufferWriter<byte> _line = new();
    private int _start;
    private int _end;

    private QmpClient()
    {
    }

    /// <summary>Connects and greets. Once it returned QEMU has set up the whole machine.</summary>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    /// <exception cref="IOException">The connection broke, or it is no QMP.</exception>
    internal static async Task<QmpClient> ConnectAsync(string path, CancellationToken ct)
    {
        var client = new QmpClient();
        try
        {
            await client._socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            await client.GreetAsync(ct);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Executes a command without arguments and waits for its answer.</summary>
    /// <exception cref="IOException">QEMU refused it, or the connection broke.</exception>
    internal async Task ExecuteAsync(string command, CancellationToken ct)
    {
        using var answer = await SendAsync($$"""{"execute": "{{command}}"}""", command, ct);
    }

    /// <summary>What QEMU's monitor for people answers to a line, which is a constant: nothing in it is escaped.</summary>
    /// <exception cref="IOException">QEMU refused it, or the connection broke.</exception>
    internal async Task<string> AskAsync(string line, CancellationToken ct)
    {
        using var answer = await SendAsync(
            $$$"""{"execute": "human-monitor-command", "arguments": {"command-line": "{{{line}}}"}}""", line, ct);
        return answer.RootElement.GetProperty("return").GetString() ?? "";
    }

    private async Task<JsonDocument> SendAsync(string request, string command, CancellationToken ct)
    {
        try
        {
            await _socket.SendAsync(Encoding.UTF8.GetBytes(request + "\n"), ct);
        }
        catch (SocketException e)
        {
            throw new IOException("the monitor's connection broke", e);
        }

        while (true)
        {
            var answer = await ReadAsync(ct);
            if (answer.RootElement.TryGetProperty("return", out _))
                return answer;

            using (answer)
            {
                // Events come in between.
                if (answer.RootElement.TryGetProperty("error", out var error))
                    throw new IOException($"QEMU refused {command}: {error.GetRawText()}");
            }
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task GreetAsync(CancellationToken ct)
    {
        using (var greeting = await ReadAsync(ct))
        {
            if (!greeting.RootElement.TryGetProperty("QMP", out _))
                throw new IOException("the monitor did not greet as QMP");
        }

        await ExecuteAsync("qmp_capabilities", ct);
    }

    private async Task<JsonDocument> ReadAsync(CancellationToken ct)
    {
        _line.ResetWrittenCount();
        while (true)
        {
            var at = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            if (at >= 0)
            {
                _line.Write(_buffer.AsSpan(_start, at));
                _start += at + 1;
                return Parse(_line.WrittenMemory);
            }

            _line.Write(_buffer.AsSpan(_start, _end - _start));
            if (_line.WrittenCount > MaxLine)
                throw new IOException("the monitor sent a line without end");

            (_start, _end) = (0, await ReceiveAsync(ct));
        }
    }

    private async Task<int> ReceiveAsync(CancellationToken ct)
    {
        try
        {
            var count = await _socket.ReceiveAsync(_buffer, ct);
            return count > 0 ? count : throw new IOException("the monitor closed the connection");
        }
        catch (SocketException e)
        {
            throw new IOException("the monitor's connection broke", e);
        }
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            return JsonDocument.Parse(line);
        }
        catch (JsonException e)
        {
            throw new IOException("the monitor sent what is no JSON", e);
        }
    }
}
