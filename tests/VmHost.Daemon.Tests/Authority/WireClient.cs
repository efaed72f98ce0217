using System.Net.Sockets;
using System.Text;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests.Authority;

/// <summary>A gRPC client that is nothing but bytes on the socket, so that it may send what libraries do not.</summary>
internal sealed class WireClient : IDisposable
{
    private const byte TypeHeaders = 1;
    private const byte TypeReset = 3;
    private const byte TypeGoAway = 7;
    private const byte TypeContinuation = 9;
    private const byte EndStream = 0x1;
    private const byte EndHeaders = 0x4;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly NetworkStream _stream;
    private readonly Nghttp2 _decoder = new();
    private uint _lastStream;

    internal WireClient(DaemonProcess daemon)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(daemon.Socket));
        _stream = new(_socket);
        _stream.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        _stream.Write(HttpFrames.Frame(4, 0, 0, []));
    }

    /// <summary>A header that is not added to a table.</summary>
    internal static byte[] Literal(string name, string value) => [0, .. LengthAnd(name), .. LengthAnd(value)];

    /// <summary>The headers of GetHostInfo, but for the authority.</summary>
    internal static byte[] GetHostInfo { get; } =
    [
        0x83, 0x86, .. Literal(":path", "/vmhost.v1.HostService/GetHostInfo"), .. Literal("content-type", "application/grpc"), .. Literal("te", "trailers"),
    ];

    /// <summary>Calls with an empty message.</summary>
    /// <param name="block">The header block.</param>
    /// <returns>The status in the trailers, or what ended the stream.</returns>
    internal async Task<string> CallAsync(byte[] block)
    {
        _lastStream += _lastStream == 0 ? 1U : 2U;
        await _stream.WriteAsync(HttpFrames.Frame(TypeHeaders, EndHeaders, _lastStream, block));
        await _stream.WriteAsync(HttpFrames.Frame(0, EndStream, _lastStream, new byte[5]));
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        return await ReadStatusAsync(limit.Token);
    }

    /// <summary>Sends bytes as they are.</summary>
    internal async Task SendAsync(byte[] bytes) => await _stream.WriteAsync(bytes);

    /// <summary>Reads until a stream or the connection ends.</summary>
    internal async Task<string> ReadStatusAsync(CancellationToken ct)
    {
        try
        {
            while (true)
            {
                var header = new byte[HttpFrames.HeaderBytes];
                await _stream.ReadExactlyAsync(header, ct);
                var payload = new byte[(header[0] << 16) | (header[1] << 8) | header[2]];
                await _stream.ReadExactlyAsync(payload, ct);
                switch (header[3])
                {
                    case TypeReset:
                        return $"RST_STREAM {payload[3]}";
                    case TypeGoAway:
                        return $"GOAWAY {payload[7]}";
                    case TypeHeaders or TypeContinuation:
                        var headers = _decoder.Decode(payload);
                        if (headers.Find(field => field.Name == "grpc-status") is { Value: { } status })
                            return $"grpc-status {status}";
                        break;
                }
            }
        }
        catch (Exception e) when (e is EndOfStreamException or IOException)
        {
            return "closed";
        }
    }

    public void Dispose()
    {
        _decoder.Dispose();
        _stream.Dispose();
        _socket.Dispose();
    }

    private static byte[] LengthAnd(string text)
    {
        var octets = Encoding.Latin1.GetBytes(text);
        return octets.Length < 127 ? [(byte)octets.Length, .. octets] : [127, .. Rest(octets.Length - 127), .. octets];
    }

    private static byte[] Rest(int value) => value < 128 ? [(byte)value] : [(byte)(value | 0x80), .. Rest(value >> 7)];
}
