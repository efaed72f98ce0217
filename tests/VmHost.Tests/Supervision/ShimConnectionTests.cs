using System.Net.Sockets;
using VmHost.ShimContract.Wire;
using VmHost.Supervision;
using VmHost.TestKit;

namespace VmHost.Tests.Supervision;

public sealed class ShimConnectionTests : IDisposable
{
    private static readonly byte[] Nine = [9, 0, 0, 0];
    private static readonly byte[] Done = [6, 0, 0, 0, 0, 0];

    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public ShimConnectionTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(_directory.Combine("s")));
        _listener.Listen();
    }

    public void Dispose()
    {
        _listener.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task An_answer_that_comes_with_the_end_is_an_answer_or_the_shim_went_away()
    {
        for (var round = 0; round < 500; round++)
        {
            var (connection, shim) = await ConnectAsync();
            var asking = connection.RequestAsync(FrameType.Signal, Nine, TestContext.Current.CancellationToken);
            await shim.SendAsync(Frame.Of(FrameType.Result, Done), TestContext.Current.CancellationToken);
            shim.Dispose();
            await connection.Closed;
            await connection.DisposeAsync();

            try
            {
                Assert.Equal(0, await asking);
            }
            catch (IOException)
            {
                // It went away first. Anything else would be told as a bug.
            }
        }
    }

    [Fact]
    public async Task Those_who_wait_for_an_answer_or_for_their_turn_are_let_go_when_the_connection_is_closed()
    {
        var (connection, shim) = await ConnectAsync();
        var asking = Enumerable.Range(0, 3).Select(_ => connection.RequestAsync(FrameType.Signal, Nine, TestContext.Current.CancellationToken)).ToList();

        await connection.DisposeAsync();
        await connection.DisposeAsync();   // more than one may be the last to use it

        foreach (var one in asking)
            await Assert.ThrowsAsync<IOException>(() => one.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<IOException>(() => connection.RequestAsync(FrameType.Signal, Nine, TestContext.Current.CancellationToken));
        shim.Dispose();
    }

    // The answers have no numbers: the second one would be taken for the answer to the next request.
    [Fact]
    public async Task A_request_that_is_given_up_closes_the_connection_so_that_its_answer_is_never_another_ones()
    {
        var (connection, shim) = await ConnectAsync();
        using var giveUp = new CancellationTokenSource();
        var asking = connection.RequestAsync(FrameType.Resize, Nine, giveUp.Token);
        await ReadFrameAsync(shim);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);

        var next = connection.RequestAsync(FrameType.Signal, Nine, TestContext.Current.CancellationToken);
        await AnswerAsync(shim, FrameType.Resize, 22);
        await Assert.ThrowsAsync<IOException>(() => next.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        await connection.Closed.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await connection.DisposeAsync();
        shim.Dispose();
    }

    [Fact]
    public async Task A_request_that_is_given_up_before_its_turn_leaves_the_connection_as_it_is()
    {
        var (connection, shim) = await ConnectAsync();
        var first = connection.RequestAsync(FrameType.Signal, Nine, TestContext.Current.CancellationToken);
        await ReadFrameAsync(shim);
        using var giveUp = new CancellationTokenSource();
        var second = connection.RequestAsync(FrameType.Signal, Nine, giveUp.Token);
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);

        await AnswerAsync(shim, FrameType.Signal, 0);
        Assert.Equal(0, await first);
        await connection.DisposeAsync();
        shim.Dispose();
    }

    [Fact]
    public async Task A_writer_whose_guest_does_not_read_is_let_go_when_the_boot_is_given_up()
    {
        var writer = new ConsoleWriter(new(Records.Run(_directory.Combine("s")), TimeProvider.System), takesInputAt: true);
        var writing = writer.WriteAsync("x"u8.ToArray(), at: null, TestContext.Current.CancellationToken);
        using var shim = await GreetAsync();
        await ReadFrameAsync(shim);   // the input, which is never answered

        await writer.DisposeAsync();

        await Assert.ThrowsAsync<VmHost.Specs.VmHostException>(() => writing.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
    }

    // To a shim that is gone this fails, as it would not on a pipe that is only full.
    private static async Task AnswerAsync(Socket shim, FrameType type, byte error)
    {
        try
        {
            await shim.SendAsync(Frame.Of(FrameType.Result, [(byte)type, 0, error, 0, 0, 0]), TestContext.Current.CancellationToken);
        }
        catch (SocketException)
        {
            // The connection is closed already, which is what the test is about.
        }
    }

    private async Task<(ShimConnection Connection, Socket Shim)> ConnectAsync()
    {
        var opening = ShimConnection.OpenAsync(_directory.Combine("s"), grown: null, TestContext.Current.CancellationToken);
        var shim = await GreetAsync();
        return (await opening, shim);
    }

    private async Task<Socket> GreetAsync()
    {
        var shim = await _listener.AcceptAsync(TestContext.Current.CancellationToken);
        await ReadFrameAsync(shim);
        var welcome = new Welcome(Frame.LowestVersion, Frame.Version, "0123456789ab", "nonce", 1, 2, 3);
        await shim.SendAsync(Frame.Of(FrameType.Welcome, welcome.ToPayload()), TestContext.Current.CancellationToken);
        return shim;
    }

    private static async Task ReadFrameAsync(Socket shim) =>
        Assert.NotEqual(0, await shim.ReceiveAsync(new byte[64], TestContext.Current.CancellationToken));
}
