using System.Text;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests.Authority;

/// <summary>What clients send as <c>:authority</c> on a Unix socket, byte for byte.</summary>
public sealed class AuthorityWireTests : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon;

    public AuthorityWireTests(FakeDaemonFixture fixture) => _daemon = fixture.Daemon;

    /// <summary>Python, C++, Ruby and PHP since gRPC core 1.57; the path itself; grpcurl -unix; tonic's example; Node; .NET; curl.</summary>
    public static TheoryData<string> Authorities { get; } =
    [
        "%2Frun%2Fvmhost%2Fvmhostd.sock", "/run/vmhost/vmhostd.sock", "./vmhostd.sock", "[::]:50051", "unix:///run/vmhost/vmhostd.sock", "localhost", "", "a b", "\u00e4\u0001", "host:port:more",
    ];

    [Theory]
    [MemberData(nameof(Authorities))]
    public async Task A_call_with_any_authority_is_served(string authority)
    {
        using var client = new WireClient(_daemon);

        Assert.Equal("grpc-status 0", await client.CallAsync(WireClient.GetHostInfo.Insert(2, WireClient.Literal(":authority", authority))));
    }

    [Theory]
    [MemberData(nameof(Authorities))]
    public async Task A_call_with_any_host_is_served(string host)
    {
        using var client = new WireClient(_daemon);

        Assert.Equal("grpc-status 0", await client.CallAsync([.. WireClient.GetHostInfo, .. WireClient.Literal("host", host)]));
    }

    [Fact]
    public async Task An_authority_of_the_table_is_served_again_and_again()
    {
        using var client = new WireClient(_daemon);
        byte[] added = [0x41, .. Length("%2Frun%2Fvmhostd.sock")];

        Assert.Equal("grpc-status 0", await client.CallAsync(WireClient.GetHostInfo.Insert(2, added)));
        Assert.Equal("grpc-status 0", await client.CallAsync(WireClient.GetHostInfo.Insert(2, [0xbe])));
        Assert.Equal("grpc-status 0", await client.CallAsync(WireClient.GetHostInfo.Insert(2, [0xbe])));
    }

    [Fact]
    public async Task A_client_without_an_authority_is_served()
    {
        using var client = new WireClient(_daemon);

        Assert.Equal("grpc-status 0", await client.CallAsync(WireClient.GetHostInfo));
    }

    [Fact]
    public async Task A_header_block_without_end_costs_the_client_its_connection_and_others_nothing()
    {
        using var endless = new WireClient(_daemon);
        await endless.SendAsync(HttpFrames.Frame(1, 0, 1, new byte[16_000]));
        await endless.SendAsync(HttpFrames.Frame(9, 0, 1, new byte[16_000]));
        await endless.SendAsync(HttpFrames.Frame(9, 0, 1, new byte[16_000]));

        Assert.Equal("closed", await endless.ReadStatusAsync(TestContext.Current.CancellationToken));
        using var client = new WireClient(_daemon);
        Assert.Equal("grpc-status 0", await client.CallAsync(WireClient.GetHostInfo));
    }

    private static byte[] Length(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];
}

file static class Blocks
{
    /// <summary>With other headers put in at an octet: the authority belongs before the headers without a colon.</summary>
    internal static byte[] Insert(this byte[] block, int at, byte[] more) => [.. block[..at], .. more, .. block[at..]];
}
