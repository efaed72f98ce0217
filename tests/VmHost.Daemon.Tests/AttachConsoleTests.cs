using System.Globalization;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>A terminal on a console in one stream: what passes, in what order, and what survives the daemon.</summary>
public sealed class AttachConsoleTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private const string Token = "0123456789abcdef";

    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Input_and_output_share_a_stream_that_ends_with_the_machine()
    {
        var machine = await _client.RunAsync(_daemon, "attached", "ready;echo");
        await using var ann = await AttachedClient.OpenAsync(_client.Console, "attached");
        await ann.TypeAsync("one\r");
        await ann.ShowsAsync("one\r");
        await ann.TypeAsync("exit\r");
        await ann.EndsAsync();

        Assert.True(ann.Console.IsWriter);
        Assert.Equal("fakehv: ready\r\none\rexit\r", ann.Output);
        Assert.Equal((MachineState.Stopped, ExitReason.PowerOff, 1), (ann.End!.State, ann.End.Exit.Reason, ann.End.Exit.Boot));
        Assert.Equal(ann.Output.Length, ann.End.Offset);
        Assert.Equal(ann.Output, Encoding.ASCII.GetString(DaemonClient.Truth(_daemon, machine)));
    }

    [Fact]
    public async Task A_machine_that_has_stopped_shows_its_output_and_its_end()
    {
        await _client.RunAsync(_daemon, "over", "text:words");
        await Eventually.TrueAsync(async () => (await _client.GetAsync("over")).State == MachineState.Stopped, "it has stopped");
        await using var ann = await AttachedClient.OpenAsync(_client.Console, "over");

        await ann.EndsAsync();

        Assert.Contains("words", ann.Output, StringComparison.Ordinal);
        Assert.Equal(MachineState.Stopped, ann.End!.State);
    }

    [Fact]
    public async Task Every_client_is_told_who_the_writer_is()
    {
        await _client.RunAsync(_daemon, "watched", "ready;echo");
        await using var watcher = await AttachedClient.OpenAsync(_client.Console, "watched", readOnly: true);
        await using (var ann = await AttachedClient.OpenAsync(_client.Console, "watched"))
        {
            await Eventually.TrueAsync(() => watcher.Writer == "ann", "ann is the writer");
            await using var bob = await AttachedClient.OpenAsync(_client.Console, "watched", "bob", force: true);
            await Eventually.TrueAsync(() => watcher.Writer == "bob" && ann.Writer == "bob", "bob is the writer");
            Assert.Equal((false, true), (ann.Console.IsWriter, bob.Console.IsWriter));

            await ann.TypeAsync("lost");
            await bob.TypeAsync("his");
            await watcher.ShowsAsync("his");
        }

        await Eventually.TrueAsync(() => watcher.Writer?.Length == 0, "there is no writer");
        Assert.DoesNotContain("lost", watcher.Output, StringComparison.Ordinal);
    }

    // What the daemon that died had and had not passed on is not known to the client, which sends it again.
    [Fact]
    public async Task Not_one_key_is_lost_or_repeated_while_the_daemon_is_killed_again_and_again()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "typed", "ready;echo");
        await using var ann = await AttachedClient.OpenAsync(client.Console, "typed");
        var sent = new StringBuilder("fakehv: ready\r\n");
        var typing = Task.Run(
            async () =>
            {
                for (var i = 0; i < 4000; i++)
                {
                    var word = string.Create(CultureInfo.InvariantCulture, $"{i} ");
                    sent.Append(word);
                    await ann.TypeAsync(word);
                    if (i % 10 == 0)
                        await Task.Delay(1, Ct);
                }
            },
            Ct);

        for (var kill = 0; kill < 5; kill++)
        {
            var shown = ann.Output.Length;
            await Eventually.TrueAsync(() => ann.Output.Length > shown || typing.IsCompleted, "something was typed");
            await daemon.KillAsync();
            await daemon.StartAsync();
        }

        await typing;
        await ann.Console.FlushAsync(Ct).WaitAsync(TimeSpan.FromSeconds(60), Ct);
        await Eventually.TrueAsync(() => ann.Output.Length >= sent.Length, "all of it came back");

        Assert.Equal(sent.ToString(), Encoding.ASCII.GetString(DaemonClient.Truth(daemon, machine)));
        Assert.Equal(sent.ToString(), ann.Output);
        Assert.True(ann.Console.IsWriter);
    }

    [Fact]
    public async Task What_is_sent_again_on_another_stream_is_written_once()
    {
        var machine = await _client.RunAsync(_daemon, "again", "ready;echo");
        for (var attempt = 0; attempt < 3; attempt++)
        {
            using var call = await OpenAsync("again");
            await call.RequestStream.WriteAsync(Input(0, "first "), Ct);
            await call.RequestStream.WriteAsync(Input(6, "second "), Ct);
            Assert.Equal(13, await AcceptedAsync(call, 13));
        }

        using (var call = await OpenAsync("again"))
        {
            await call.RequestStream.WriteAsync(Input(6, "second third "), Ct);
            Assert.Equal(19, await AcceptedAsync(call, 19));
        }

        await _client.ConsoleShowsAsync("again", "third ");
        Assert.Equal("fakehv: ready\r\nfirst second third ", Encoding.ASCII.GetString(DaemonClient.Truth(_daemon, machine)));
    }

    [Fact]
    public async Task A_guest_that_does_not_read_holds_up_neither_output_nor_sizes()
    {
        var machine = await _client.RunAsync(_daemon, "deaf", "ready;hang");
        using var call = await OpenAsync("deaf");
        await call.RequestStream.WriteAsync(Input(0, new string('x', 32 << 10)), Ct);
        await call.RequestStream.WriteAsync(Input(32 << 10, "y"), Ct);

        await call.RequestStream.WriteAsync(new() { Size = new() { Columns = 99, Rows = 44 } }, Ct);

        await Eventually.TrueAsync(async () => (await _client.Console.GetConsoleScreenAsync(new() { Machine = machine.Id })).Lines.Count == 44, "the size has arrived");
        await _client.Machines.KillMachineAsync(new() { Machine = "deaf" });
        Assert.Equal(MachineState.Stopped, (await LastAsync(call)).End.State);
    }

    [Fact]
    public async Task No_more_output_is_sent_than_the_window_holds()
    {
        await _client.RunAsync(_daemon, "windowed", "bulk:1");
        await Eventually.TrueAsync(async () => (await _client.GetAsync("windowed")).State == MachineState.Stopped, "it has stopped");
        using var call = _client.Console.AttachConsole(cancellationToken: Ct);
        await call.RequestStream.WriteAsync(new() { Open = new() { Machine = "windowed", Offset = 0, ReadOnly = true, WindowBytes = 100_000 } }, Ct);

        var (acknowledged, received) = (0L, 0L);
        while (await call.ResponseStream.MoveNext(Ct))
        {
            if (call.ResponseStream.Current.Output is not { } output)
                continue;

            received = output.Offset + output.Data.Length;
            Assert.True(received - acknowledged <= 100_000, $"{received} sent, {acknowledged} acknowledged");
            acknowledged = received;
            await AcknowledgeAsync(call, acknowledged);
        }

        Assert.True(received >= 1 << 20);
    }

    [Fact]
    public async Task A_client_that_acknowledges_nothing_gets_one_window()
    {
        await _client.RunAsync(_daemon, "unacknowledged", "bulk:1");
        await Eventually.TrueAsync(async () => (await _client.GetAsync("unacknowledged")).State == MachineState.Stopped, "it has stopped");
        using var call = _client.Console.AttachConsole(cancellationToken: Ct);
        await call.RequestStream.WriteAsync(new() { Open = new() { Machine = "unacknowledged", Offset = 0, ReadOnly = true, WindowBytes = 65536 } }, Ct);
        await call.ResponseStream.MoveNext(Ct);
        await call.ResponseStream.MoveNext(Ct);
        Assert.Equal(65536, call.ResponseStream.Current.Output.Data.Length);

        var next = call.ResponseStream.MoveNext(Ct);
        await _client.GetAsync("unacknowledged");
        Assert.False(next.IsCompleted);
        await call.RequestStream.WriteAsync(new() { Acknowledgement = new() { Offset = 65536 } }, Ct);
        Assert.True(await next);
    }

    [Fact]
    public async Task A_small_window_is_kept_too_and_a_gap_does_not_stop_the_output()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync("--console-bytes", (1 << 20).ToString(CultureInfo.InvariantCulture));
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "dropped", "bulk:4");
        await Eventually.TrueAsync(async () => (await client.GetAsync("dropped")).State == MachineState.Stopped, "it has stopped");
        using var call = client.Console.AttachConsole(cancellationToken: Ct);
        await call.RequestStream.WriteAsync(new() { Open = new() { Machine = "dropped", Offset = 0, ReadOnly = true, WindowBytes = 20_000 } }, Ct);

        var (gap, received) = (0L, 0L);
        while (await call.ResponseStream.MoveNext(Ct) && call.ResponseStream.Current.KindCase != AttachConsoleResponse.KindOneofCase.End)
        {
            if (call.ResponseStream.Current.Output is not { } output)
                continue;

            Assert.True(output.Data.Length <= 20_000);
            Assert.Equal(received + gap + output.GapBytes, output.Offset);
            (gap, received) = (gap + output.GapBytes, received + output.Data.Length);
            await AcknowledgeAsync(call, output.Offset + output.Data.Length);
        }

        Assert.True(gap > 0 && gap + received >= 4 << 20, $"{gap} lost, {received} received");
    }

    [Fact]
    public async Task A_writer_that_lost_the_input_does_not_get_it_back_by_being_faster_after_a_restart()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "evicted", "ready;echo");
        await using var ann = await AttachedClient.OpenAsync(client.Console, "evicted");
        await using var bob = await AttachedClient.OpenAsync(client.Console, "evicted", "bob", force: true);
        await Eventually.TrueAsync(() => ann.Writer == "bob", "ann has lost it");

        for (var i = 0; i < 3; i++)
        {
            await daemon.KillAsync();
            await daemon.StartAsync();
            await bob.TypeAsync($"bob{i} ");
            await bob.ShowsAsync($"bob{i} ");
            await ann.ShowsAsync($"bob{i} ");
        }

        Assert.Equal((false, true), (ann.Console.IsWriter, bob.Console.IsWriter));
    }

    // What is written of it is not typed into the next boot.
    [Fact]
    public async Task Input_to_a_boot_that_ends_is_not_typed_into_the_next_one()
    {
        await _client.RunAsync(_daemon, "reboots", "ready;ignorepower;hang");
        await using var ann = await AttachedClient.OpenAsync(_client.Console, "reboots");
        await ann.TypeAsync(new string('x', 30_000));
        await _client.ConsoleShowsAsync("reboots", "fakehv: ready");
        await _client.Machines.UpdateMachineAsync(new() { Machine = "reboots", Spec = new() { Boot = new() { CommandLine = "console=ttyS0 fake=ready;echo" } } });

        await _client.Machines.ResetMachineAsync(new() { Machine = "reboots" });
        await ann.TypeAsync("later");

        await ann.ShowsAsync("later");
        Assert.DoesNotContain("x", ann.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_who_ends_the_requests_reads_on()
    {
        await _client.RunAsync(_daemon, "halved", "ready;echo");
        using var call = await OpenAsync("halved");
        await call.RequestStream.WriteAsync(Input(0, "exit\r"), Ct);
        await call.RequestStream.CompleteAsync();

        Assert.Equal(MachineState.Stopped, (await LastAsync(call)).End.State);
    }

    [Theory]
    [InlineData("""{"input": {"data": "eA=="}}""", "open: must be the first request")]
    [InlineData("""{}""", "open: must be the first request")]
    [InlineData("""{"open": {"machine": "refused", "client_name": "ann"}}""", "open.token: must be 16 to 64")]
    [InlineData("""{"open": {"machine": "refused", "client_name": "ann", "token": "0123456789abcde\n"}}""", "open.token: must be 16 to 64")]
    [InlineData("""{"open": {"machine": "refused", "token": "0123456789abcdef"}}""", "open.client_name: must be 1 to 128 bytes")]
    [InlineData("""{"open": {"machine": "refused", "client_name": "a\nb", "token": "0123456789abcdef"}}""", "open.client_name: must be 1 to 128 bytes")]
    [InlineData("""{"open": {"machine": "refused", "read_only": true, "window_bytes": 1000}}""", "open.window_bytes: must be 1024 to 67108864")]
    [InlineData("""{"open": {"machine": "refused", "read_only": true, "tail_lines": -1}}""", "tail_lines")]
    [InlineData("""{"open": {"machine": "refused", "client_name": "ann", "token": "0123456789abcdef", "size": {"columns": 0, "rows": 1}}}""", "columns")]
    public async Task A_first_request_that_is_wrong_is_refused(string request, string problem)
    {
        await EnsureAsync("refused");
        using var call = _client.Console.AttachConsole(cancellationToken: Ct);
        await call.RequestStream.WriteAsync(JsonParser.Default.Parse<AttachConsoleRequest>(request), Ct);

        var refused = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(Ct));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains(problem, refused.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"open": {"machine": "refused"}}""", "open: must be the first request only")]
    [InlineData("""{}""", "kind: must be set")]
    [InlineData("""{"input": {"offset": 7, "data": "eA=="}}""", "input.offset: is 7, and the input before ended at 1")]
    [InlineData("""{"size": {"columns": 80, "rows": 501}}""", "rows")]
    public async Task A_later_request_that_is_wrong_ends_the_stream(string request, string problem)
    {
        await EnsureAsync("refused");
        using var call = await OpenAsync("refused", Guid.NewGuid().ToString("N"), force: true);
        await call.RequestStream.WriteAsync(Input(0, "x"), Ct);
        await call.RequestStream.WriteAsync(JsonParser.Default.Parse<AttachConsoleRequest>(request), Ct);

        var refused = await Assert.ThrowsAsync<RpcException>(() => LastAsync(call));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains(problem, refused.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Input_that_is_too_long_or_of_one_who_only_watches_is_refused()
    {
        await EnsureAsync("refused");
        using (var call = await OpenAsync("refused", Guid.NewGuid().ToString("N"), force: true))
        {
            await call.RequestStream.WriteAsync(Input(0, new string('x', (32 << 10) + 1)), Ct);
            Assert.Contains("input.data: must be at most 32768 bytes", (await Assert.ThrowsAsync<RpcException>(() => LastAsync(call))).Status.Detail, StringComparison.Ordinal);
        }

        using var watcher = _client.Console.AttachConsole(cancellationToken: Ct);
        await watcher.RequestStream.WriteAsync(new() { Open = new() { Machine = "refused", ReadOnly = true } }, Ct);
        await watcher.RequestStream.WriteAsync(Input(0, "x"), Ct);
        Assert.Contains("input: cannot be sent with open.read_only", (await Assert.ThrowsAsync<RpcException>(() => LastAsync(watcher))).Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_daemon_that_stops_ends_the_stream_with_unavailable_and_the_client_resumes()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "stopping", "ready;echo");
        await using var ann = await AttachedClient.OpenAsync(client.Console, "stopping");
        using var raw = client.Console.AttachConsole(cancellationToken: Ct);
        await raw.RequestStream.WriteAsync(new() { Open = new() { Machine = "stopping", ReadOnly = true } }, Ct);
        Assert.True(await raw.ResponseStream.MoveNext(Ct));
        var reading = LastAsync(raw);

        await daemon.StopAsync();
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => reading)).StatusCode);
        await ann.TypeAsync("typed while it was away ");
        await daemon.StartAsync();

        await ann.ShowsAsync("typed while it was away ");
    }

    private async Task EnsureAsync(string name)
    {
        try
        {
            await _client.RunAsync(_daemon, name, "ready;echo");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.AlreadyExists)
        {
            // Another case of the test made it.
        }
    }

    private async Task<AsyncDuplexStreamingCall<AttachConsoleRequest, AttachConsoleResponse>> OpenAsync(string machine, string token = Token, bool force = false)
    {
        var call = _client.Console.AttachConsole(cancellationToken: Ct);
        await call.RequestStream.WriteAsync(new() { Open = new() { Machine = machine, ClientName = "ann", Token = token, Force = force } }, Ct);
        Assert.True(await call.ResponseStream.MoveNext(Ct));
        Assert.True(call.ResponseStream.Current.Attached.IsWriter);
        return call;
    }

    private static AttachConsoleRequest Input(long offset, string data) => new() { Input = new() { Offset = offset, Data = ByteString.CopyFromUtf8(data) } };

    // The server may have ended the stream meanwhile.
    private static async Task AcknowledgeAsync(AsyncDuplexStreamingCall<AttachConsoleRequest, AttachConsoleResponse> call, long offset)
    {
        try
        {
            await call.RequestStream.WriteAsync(new() { Acknowledgement = new() { Offset = offset } }, Ct);
        }
        catch (RpcException)
        {
            // Its status comes by the responses.
        }
    }

    private static async Task<long> AcceptedAsync(AsyncDuplexStreamingCall<AttachConsoleRequest, AttachConsoleResponse> call, long until)
    {
        var accepted = 0L;
        while (accepted < until && await call.ResponseStream.MoveNext(Ct))
            accepted = call.ResponseStream.Current.InputOffset;
        return accepted;
    }

    private static async Task<AttachConsoleResponse> LastAsync(AsyncDuplexStreamingCall<AttachConsoleRequest, AttachConsoleResponse> call)
    {
        var last = call.ResponseStream.Current;
        while (await call.ResponseStream.MoveNext(Ct))
            last = call.ResponseStream.Current;
        return last;
    }
}
