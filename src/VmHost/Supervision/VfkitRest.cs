using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Text;

namespace VmHost.Supervision;

/// <summary>vfkit's REST service on a Unix socket (<c>pkg/rest</c> in its sources).</summary>
internal static class VfkitRest
{
    /// <summary>Asks for a state: Stop, HardStop, Pause or Resume.</summary>
    /// <exception cref="HttpRequestException">It refused, or is not there.</exception>
    internal static async Task SetStateAsync(string socketPath, string state, CancellationToken ct)
    {
        using var handler = new SocketsHttpHandler { UseProxy = false, ConnectCallback = (_, token) => ConnectAsync(socketPath, token) };
        using var client = new HttpClient(handler);
        using var body = new StringContent($$"""{"state":"{{state}}"}""", Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(new Uri("http://vfkit/vm/state"), body, ct);
        response.EnsureSuccessStatusCode();
    }

    [SuppressMessage("Reliability", "CA2000", Justification = "The stream that is returned owns the socket; every other way out disposes it.")]
    private static async ValueTask<Stream> ConnectAsync(string path, CancellationToken ct)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
