using System.Net.Sockets;
using System.Text.Json;

namespace VmHost.Supervision.Qmp;

/// <summary>
/// QEMU's monitor at a path, for machines that an earlier version started. QEMU serves one client there: another one waits for
/// its greeting until the first is gone.
/// </summary>
internal sealed class QmpSocketChannel : IQmpChannel
{
    private static readonly byte[] Negotiation = """{"execute": "qmp_capabilities"}"""u8.ToArray();

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly QmpLineBuffer _line = new();
    private readonly QmpLineHandler _said;
    private readonly TaskCompletionSource _greeted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _negotiated = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private QmpSocketChannel(QmpLineHandler said) => _said = said;

    public Task Closed { get; private set; } = Task.CompletedTask;

    /// <summary>Connects, and returns once QEMU has set up the machine and accepts commands.</summary>
    /// <exception cref="IOException">Nothing listens there, the connection broke, or it is not QMP.</exception>
    internal static async Task<QmpSocketChannel> OpenAsync(string path, QmpLineHandler said, CancellationToken ct)
    {
        var channel = new QmpSocketChannel(said);
        try
        {
            await channel._socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            channel.Closed = channel.ReadAsync();
            await channel._greeted.Task.WaitAsync(ct);
            await channel.SendAsync(Negotiation, ct);
            await channel._negotiated.Task.WaitAsync(ct);
            return channel;
        }
        catch (SocketException e)
        {
            await channel.DisposeAsync();
            throw new IOException($"QEMU's monitor {path} cannot be reached: {e.Message}", e);
        }
        catch
        {
            await channel.DisposeAsync();
            throw;
        }
    }

    public async Task SendAsync(ReadOnlyMemory<byte> request, CancellationToken ct)
    {
        await _sending.WaitAsync(ct);
        try
        {
            await _socket.SendAsync((byte[])[.. request.Span, (byte)'\n'], ct);
        }
        catch (Exception e)
        {
            // How much of it was sent is not known: nothing may follow it.
            _socket.Dispose();
            if (e is SocketException or ObjectDisposedException)
                throw new IOException("the connection to QEMU's monitor broke", e);

            throw;
        }
        finally
        {
            _sending.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await Closed;
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[4 << 10];
        try
        {
            int count;
            while ((count = await _socket.ReceiveAsync(buffer)) > 0)
                Take(buffer.AsSpan(0, count));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidDataException)
        {
            // The end of the connection, whatever the way. Whoever waits gets an IOException.
        }
        finally
        {
            _socket.Dispose();
            var closed = new IOException("QEMU's monitor closed the connection");
            _greeted.TrySetException(closed);
            _negotiated.TrySetException(closed);
            _ = (_greeted.Task.Exception, _negotiated.Task.Exception);   // seen, if nobody waits any more
        }
    }

    private void Take(ReadOnlySpan<byte> received)
    {
        while (!received.IsEmpty)
        {
            var at = received.IndexOf((byte)'\n');
            _line.Add(at < 0 ? received : received[..at], isLast: at >= 0, TakeLine);
            received = at < 0 ? [] : received[(at + 1)..];
        }
    }

    private void TakeLine(ReadOnlyMemory<byte> line)
    {
        if (_negotiated.Task.IsCompleted)
            _said(line);
        else if (!_greeted.Task.IsCompleted)
            Has(line, "QMP", _greeted);
        else
            Has(line, "return", _negotiated);
    }

    private static void Has(ReadOnlyMemory<byte> line, string member, TaskCompletionSource done)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            if (json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(member, out _))
                done.TrySetResult();
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("the monitor sent a line that is not JSON", e);
        }
    }
}
