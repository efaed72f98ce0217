using System.Net.Sockets;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>A connection to a shim's control socket, past the daemon.</summary>
internal sealed class ShimSocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly FrameBuffer _received = new();

    private ShimSocket()
    {
    }

    internal static async Task<ShimSocket> ConnectAsync(DaemonProcess daemon, string machineId, CancellationToken ct)
    {
        var shim = new ShimSocket();
        await shim._socket.ConnectAsync(new UnixDomainSocketEndPoint(LaunchRecord.Load(daemon.MachineDirectory(machineId)).ControlSocket), ct);
        return shim;
    }

    /// <summary>A minute, or the test's own end.</summary>
    internal static CancellationTokenSource Limit()
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        return limit;
    }

    internal async Task SendAsync(FrameType type, byte[] payload, CancellationToken ct) => await _socket.SendAsync(Frame.Of(type, payload), ct);

    internal async Task<(FrameType Type, byte[] Payload)> ReceiveAsync(CancellationToken ct)
    {
        while (true)
        {
            if (_received.TryTake(out var type, out var payload))
                return (type, payload.ToArray());

            var count = await _socket.ReceiveAsync(_received.Free, ct);
            Assert.NotEqual(0, count);
            _received.Received(count);
        }
    }

    /// <summary>Waits for the end of the connection, past what the shim still sends; false if it sends an answer.</summary>
    internal async Task<bool> IsClosedAsync(CancellationToken ct)
    {
        while (true)
        {
            while (_received.TryTake(out var type, out _))
            {
                if (type != FrameType.MonitorSaid)
                    return false;
            }

            try
            {
                var count = await _socket.ReceiveAsync(_received.Free, ct);
                if (count == 0)
                    return true;

                _received.Received(count);
            }
            catch (SocketException)
            {
                return true;   // reset: closed with something unread
            }
        }
    }

    public void Dispose() => _socket.Dispose();
}
