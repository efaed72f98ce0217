using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using VmHost.Daemon.Hosting;

namespace VmHost.Daemon.Tests;

public sealed class PrefaceLimitTests : IAsyncDisposable
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();
    private readonly Pipe _client = new();
    private readonly TaskCompletionSource _served = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _end = new();
    private readonly TestConnection _connection;

    public PrefaceLimitTests() => _connection = new TestConnection(_client.Reader);

    [Fact]
    public async Task The_limit_is_for_the_whole_preface_and_not_for_each_byte()
    {
        var serving = ServeAsync();
        for (var sent = 0; sent < 9; sent++)
        {
            await SendAsync(Preface[sent..(sent + 1)]);
            _time.Advance(Limit / 10);
            Assert.False(serving.IsCompleted);
        }

        await SendAsync(Preface[9..10]);
        _time.Advance(Limit / 10);

        await serving;
        Assert.False(_served.Task.IsCompleted);
        Assert.True(_connection.IsAborted);
    }

    [Fact]
    public async Task A_complete_preface_is_left_to_the_server_and_ends_the_limit()
    {
        var serving = ServeAsync();
        await SendAsync(Preface[..5]);
        await SendAsync(Preface[5..] + "frames");

        await _served.Task;
        var read = await _connection.Transport.Input.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(Preface + "frames", Encoding.Latin1.GetString(read.Buffer));
        _time.Advance(Limit * 2);
        Assert.False(_connection.IsAborted);
        _end.SetResult();
        await serving;
    }

    [Fact]
    public async Task What_is_not_HTTP2_is_left_to_the_server_and_keeps_the_limit()
    {
        var serving = ServeAsync();
        await SendAsync("GET");

        await _served.Task;
        Assert.False(_connection.IsAborted);
        _time.Advance(Limit);
        Assert.True(_connection.IsAborted);
        _end.SetResult();
        await serving;
    }

    [Fact]
    public async Task A_client_that_goes_away_ends_the_connection_at_once()
    {
        var serving = ServeAsync();
        await SendAsync(Preface[..5]);
        await _client.Writer.CompleteAsync();

        await serving;
        Assert.False(_served.Task.IsCompleted);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private Task ServeAsync()
    {
        var middleware = PrefaceLimit.Middleware(Limit, _time, NullLogger<PrefaceLimit>.Instance);
        return middleware(async _ =>
        {
            _served.SetResult();
            await _end.Task;
        })(_connection);
    }

    private async Task SendAsync(string text) => await _client.Writer.WriteAsync(Encoding.Latin1.GetBytes(text), TestContext.Current.CancellationToken);

    private sealed class TestConnection : DefaultConnectionContext
    {
        internal TestConnection(PipeReader input) => Transport = new Duplex(input, PipeWriter.Create(Stream.Null));

        internal bool IsAborted { get; private set; }

        public override void Abort(ConnectionAbortedException abortReason) => IsAborted = true;
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
