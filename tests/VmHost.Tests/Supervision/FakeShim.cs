using System.Buffers.Binary;
using System.Net.Sockets;
using VmHost.ShimContract.Wire;

namespace VmHost.Tests.Supervision;

/// <summary>A shim's side of one connection.</summary>
internal sealed class FakeShim : IDisposable
{
    private readonly Socket _socket;
    private readonly FrameBuffer _received = new();

    private FakeShim(Socket socket) => _socket = socket;

    /// <summary>Accepts a connection and greets.</summary>
    internal static async Task<FakeShim> AcceptAsync(Socket listener, string id = Records.Id, string nonce = Records.Nonce)
    {
        var shim = new FakeShim(await listener.AcceptAsync(TestContext.Current.CancellationToken));
        Assert.Equal(FrameType.Hello, (await shim.HearAsync()).Type);
        await shim.SayAsync(FrameType.Welcome, new Welcome(Frame.LowestVersion, Frame.Version, id, nonce, 1, 2, 3).ToPayload());
        return shim;
    }

    internal async Task<(FrameType Type, byte[] Payload)> HearAsync()
    {
        while (true)
        {
            if (_received.TryTake(out var type, out var payload))
                return (type, payload.ToArray());

            var count = await _socket.ReceiveAsync(_received.Free, TestContext.Current.CancellationToken);
            Assert.NotEqual(0, count);
            _received.Received(count);
        }
    }

    internal async Task SayAsync(FrameType type, ReadOnlyMemory<byte> payload) =>
        await _socket.SendAsync(Frame.Of(type, payload.Span), TestContext.Current.CancellationToken);

    internal Task AnswerAsync(FrameType request, int error)
    {
        var payload = new byte[6];
        BinaryPrimitives.WriteUInt16LittleEndian(payload, (ushort)request);
        BinaryPrimitives.WriteInt32LittleEndian(payload.AsSpan(2), error);
        return SayAsync(FrameType.Result, payload);
    }

    public void Dispose() => _socket.Dispose();
}
