using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

public sealed class EventsTests
{
    [Fact]
    public async Task A_life_is_told_in_order_with_its_end()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "life", "banner;exit:7");
        await client.WaitAsync("life");
        await client.Machines.DeleteMachineAsync(new() { Machine = "life" });

        var events = await PastAsync(client, new() { Since = new Timestamp(), PastOnly = true });

        Assert.Equal(
            [EventKind.DaemonStarted, EventKind.MachineCreated, EventKind.MachineState, EventKind.MachineState, EventKind.MachineDeleted],
            events.Select(one => one.Kind).Where((kind, place) => place < 3 || kind != EventKind.MachineState || events[place].Exit is not null));
        var end = events.Single(one => one.Exit is not null);
        Assert.Equal((MachineState.Failed, ExitReason.HypervisorError, 7, false), (end.State, end.Exit.Reason, end.Exit.Code, end.Exit.Expected));
        Assert.Equal(("life", 1), (end.MachineName, end.Boot));
    }

    [Fact]
    public async Task A_halt_tells_its_steps()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "deaf", "ignorepower;banner;echo");
        await client.ConsoleShowsAsync("deaf", "fakehv ready");

        await client.Machines.HaltMachineAsync(new() { Machine = "deaf", Grace = Duration.FromTimeSpan(TimeSpan.FromSeconds(30)), ConsoleLine = "exit" });

        var events = await PastAsync(client, new() { Since = new Timestamp(), PastOnly = true, Machines = { "deaf" } });
        Assert.Equal(
            [HaltStep.ButtonPressed, HaltStep.ButtonPressed, HaltStep.LineTyped, HaltStep.Reaped],
            events.Where(one => one.Kind == EventKind.MachineHalting).Select(one => one.HaltStep));
        var end = (await client.GetAsync("deaf")).LastExit;
        Assert.Equal(ExitReason.PowerOff, end.Reason);

        await client.Machines.StartMachineAsync(new() { Machine = "deaf" });
        var nearly = await Assert.ThrowsAsync<RpcException>(async () => await client.Machines.HaltMachineAsync(new() { Machine = "deaf", Grace = new Duration(), OnTimeout = HaltTimeoutAction.Fail }));
        Assert.Equal(StatusCode.DeadlineExceeded, nearly.StatusCode);
        await client.Machines.HaltMachineAsync(new() { Machine = "deaf", Grace = new Duration() });
        events = await PastAsync(client, new() { Since = new Timestamp(), PastOnly = true, Machines = { "deaf" } });
        Assert.Equal(
            [HaltStep.ButtonPressed, HaltStep.GivenUp, HaltStep.ButtonPressed, HaltStep.Killed, HaltStep.Reaped],
            events.Where(one => one.Kind == EventKind.MachineHalting).Select(one => one.HaltStep).Skip(4));
    }

    [Fact]
    public async Task A_stream_begins_with_all_machines_and_goes_on_over_the_death_of_the_daemon_without_loss_or_repetition()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "there", "banner;hang");
        var reader = new ResumingEvents(client.Events, TimeProvider.System) { GiveUpAfter = TimeSpan.FromSeconds(60) };
        await using var stream = reader.ReadAsync(new(), TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);

        Assert.Equal("there", (await NextAsync(stream)).Machine.Name);
        Assert.Equal(WatchEventsResponse.KindOneofCase.SnapshotEnd, (await NextAsync(stream)).KindCase);
        await client.Machines.HaltMachineAsync(new() { Machine = "there" });
        await client.RunAsync(daemon, "later", "banner;hang");
        var running = await UntilAsync(stream, one => one.MachineName == "later" && one.State == MachineState.Running);
        Assert.Equal("there", running[0].MachineName);

        await daemon.KillAsync();
        await daemon.StartAsync();
        await client.Machines.HaltMachineAsync(new() { Machine = "later" });

        var after = await UntilAsync(stream, one => one.MachineName == "later" && one.State == MachineState.Stopped);
        Assert.Equal(EventKind.DaemonStarted, after[0].Kind);
        Assert.DoesNotContain(after, one => one.MachineName == "there");   // its state was told before
        Assert.Equal(running.Concat(after).Select(one => one.Sequence).Order().Distinct(), running.Concat(after).Select(one => one.Sequence));
    }

    [Fact]
    public async Task A_silent_stream_has_a_heartbeat()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        using var call = client.Events.WatchEvents(new() { HeartbeatInterval = Duration.FromTimeSpan(TimeSpan.FromSeconds(1)) }, deadline: DaemonClient.Deadline);
        var token = "";
        while (await call.ResponseStream.MoveNext(CancellationToken.None) && call.ResponseStream.Current.KindCase != WatchEventsResponse.KindOneofCase.Heartbeat)
            token = call.ResponseStream.Current.Token;

        Assert.Equal(token, call.ResponseStream.Current.Token);

        await daemon.StopAsync();
        var end = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
                Assert.True(call.ResponseStream.Current.KindCase is WatchEventsResponse.KindOneofCase.Heartbeat or WatchEventsResponse.KindOneofCase.Event);
        });
        Assert.Equal(StatusCode.Unavailable, end.StatusCode);
    }

    [Theory]
    [InlineData("nonsense", StatusCode.InvalidArgument)]
    [InlineData("00000000-1", StatusCode.OutOfRange)]
    public async Task A_token_that_is_of_no_use_is_told(string token, StatusCode status)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);

        Assert.Equal(status, (await Assert.ThrowsAsync<RpcException>(() => PastAsync(client, new() { AfterToken = token }))).StatusCode);
    }

    private static async Task<List<Event>> PastAsync(DaemonClient client, WatchEventsRequest request)
    {
        var events = new List<Event>();
        using var call = client.Events.WatchEvents(request, deadline: DaemonClient.Deadline);
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
            events.Add(call.ResponseStream.Current.Event);
        return events;
    }

    private static async Task<WatchEventsResponse> NextAsync(IAsyncEnumerator<WatchEventsResponse> stream)
    {
        Assert.True(await stream.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System));
        return stream.Current;
    }

    private static async Task<List<Event>> UntilAsync(IAsyncEnumerator<WatchEventsResponse> stream, Func<Event, bool> last)
    {
        var events = new List<Event>();
        do
        {
            if ((await NextAsync(stream)).Event is { } happened)
                events.Add(happened);
        }
        while (events.Count == 0 || !last(events[^1]));
        return events;
    }
}
