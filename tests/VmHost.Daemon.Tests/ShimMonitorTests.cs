using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>How a shim serves the hypervisor's monitor, to those who are connected to it directly.</summary>
public sealed class ShimMonitorTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task One_client_at_a_time_has_the_monitor_and_one_from_whom_it_is_taken_is_cut_off()
    {
        using var ct = ShimSocket.Limit();
        var machine = await _client.RunAsync(_daemon, "contended", "banner;hang");
        using var first = await ShimSocket.ConnectAsync(_daemon, machine.Id, ct.Token);

        // The daemon opens it for this, if not before, and has it from then on.
        await _client.Machines.PauseMachineAsync(new() { Machine = machine.Id }, cancellationToken: ct.Token);
        await _client.Machines.ResumeMachineAsync(new() { Machine = machine.Id }, cancellationToken: ct.Token);
        await first.SendAsync(FrameType.OpenMonitor, [], ct.Token);
        Assert.Equal((FrameType.OpenMonitor, Errno.Busy), await ResultAsync(first, ct.Token));
        await first.SendAsync(FrameType.OpenMonitor, [1], ct.Token);
        Assert.Equal((FrameType.OpenMonitor, 0), await ResultAsync(first, ct.Token));

        // The daemon takes it back.
        await _client.Machines.PauseMachineAsync(new() { Machine = machine.Id }, cancellationToken: ct.Token);
        Assert.Equal(MachineState.Paused, (await _client.GetAsync(machine.Id)).State);
        Assert.True(await first.IsClosedAsync(ct.Token));
    }

    [Theory]
    [InlineData("""{"execute": "query-status" """)]
    [InlineData("""{"execute": "query-status"} {"execute": "stop"}""")]
    [InlineData("""["query-status"]""")]
    [InlineData("query-status")]
    [InlineData("")]
    public async Task What_is_not_one_whole_object_is_refused_and_spoils_nothing(string request)
    {
        using var ct = ShimSocket.Limit();
        var (daemon, machine) = await StartAloneAsync("halves", "banner;hang");
        await using var owned = daemon;
        using var shim = await OpenAsync(daemon, machine, ct.Token);

        await shim.SendAsync(FrameType.ToMonitor, Encoding.UTF8.GetBytes(request), ct.Token);
        Assert.Equal((FrameType.ToMonitor, Errno.Invalid), await ResultAsync(shim, ct.Token));

        Assert.True((await AskAsync(shim, """{"execute": "query-status"}""", ct.Token)).TryGetProperty("return", out _));
    }

    [Fact]
    public async Task One_that_did_not_open_the_monitor_cannot_use_it()
    {
        using var ct = ShimSocket.Limit();
        var machine = await _client.RunAsync(_daemon, "uninvited", "banner;hang");
        using var shim = await ShimSocket.ConnectAsync(_daemon, machine.Id, ct.Token);

        await shim.SendAsync(FrameType.ToMonitor, """{"execute": "quit"}"""u8.ToArray(), ct.Token);
        Assert.Equal((FrameType.ToMonitor, Errno.Busy), await ResultAsync(shim, ct.Token));
        Assert.Equal(MachineState.Running, (await _client.GetAsync(machine.Id)).State);
    }

    [Fact]
    public async Task A_hypervisor_without_a_monitor_has_none_to_open()
    {
        using var ct = ShimSocket.Limit();
        var spec = DaemonClient.Fake(_daemon, "banner;hang");
        spec.Hypervisor = HypervisorKind.Hyperkit;
        var machine = (await _client.Machines.RunMachineAsync(new() { Name = "mute", Spec = spec }, cancellationToken: ct.Token)).Machine;
        using var shim = await ShimSocket.ConnectAsync(_daemon, machine.Id, ct.Token);

        await shim.SendAsync(FrameType.OpenMonitor, [1], ct.Token);
        Assert.Equal((FrameType.OpenMonitor, Errno.NotSupported), await ResultAsync(shim, ct.Token));
        await shim.SendAsync(FrameType.ToMonitor, "{}"u8.ToArray(), ct.Token);
        Assert.Equal((FrameType.ToMonitor, Errno.NotSupported), await ResultAsync(shim, ct.Token));
    }

    // The fake tells what the real one does (RealMonitorTests): tests of a guest that stops rely on it.
    [Theory]
    [InlineData("ioerror:disk0", "BLOCK_IO_ERROR STOP", "io-error", "nospace")]
    [InlineData("ioerror:disk1:failed", "BLOCK_IO_ERROR STOP", "io-error", "failed")]
    [InlineData("stopself", "STOP", "paused", null)]
    public async Task A_guest_that_stops_by_itself_is_seen_by_events_and_by_asking(string step, string events, string status, string? ioStatus)
    {
        using var ct = ShimSocket.Limit();
        var (daemon, machine) = await StartAloneAsync("stops", $"banner;echo;{step};{step};text:on;hang");
        await using var owned = daemon;
        using var shim = await OpenAsync(daemon, machine, ct.Token);
        using (var keyboard = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token))
        {
            await keyboard.SendAsync(FrameType.Input, "exit\n"u8.ToArray(), ct.Token);
            Assert.Equal((FrameType.Input, 0), await ResultAsync(keyboard, ct.Token));
        }

        Assert.Equal(events, await EventsAsync(shim, count: events.Split(' ').Length, ct.Token));
        Assert.Equal(status, (await AskAsync(shim, """{"execute": "query-status"}""", ct.Token)).GetProperty("return").GetProperty("status").GetString());
        var blocks = (await AskAsync(shim, """{"execute": "query-block"}""", ct.Token)).GetProperty("return");
        Assert.Equal(ioStatus, blocks.EnumerateArray().Select(one => one.GetProperty("io-status").GetString()).FirstOrDefault());

        // The second step stops it again.
        await shim.SendAsync(FrameType.ToMonitor, """{"execute": "cont"}"""u8.ToArray(), ct.Token);
        Assert.Equal($"RESUME {events}", await EventsAsync(shim, count: events.Split(' ').Length + 1, ct.Token));
        await shim.SendAsync(FrameType.ToMonitor, """{"execute": "cont"}"""u8.ToArray(), ct.Token);
        await daemon.StartAsync();
        using var client = new DaemonClient(daemon);
        await client.ConsoleShowsAsync(machine.Id, "on");
    }

    [Fact]
    public async Task A_line_longer_than_a_frame_comes_in_parts()
    {
        using var ct = ShimSocket.Limit();
        var (daemon, machine) = await StartAloneAsync("wordy", "banner;hang");
        await using var owned = daemon;
        using var shim = await OpenAsync(daemon, machine, ct.Token);

        var answer = await AskAsync(shim, """{"execute": "query-qmp-schema", "id": 1}""", ct.Token);

        Assert.True(answer.GetProperty("return").GetString()!.Length > Frame.MaxSize);
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_cut_off_and_neither_the_guest_nor_the_daemon_waits_for_it()
    {
        using var ct = ShimSocket.Limit();
        var (daemon, machine) = await StartAloneAsync("unread", "banner;echo");
        await using var owned = daemon;
        using var shim = await OpenAsync(daemon, machine, ct.Token);

        // Never read. Its end is seen by a failure to send.
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (true)
                await shim.SendAsync(FrameType.ToMonitor, """{"execute": "query-qmp-schema"}"""u8.ToArray(), ct.Token);
        });

        await daemon.StartAsync();
        using var client = new DaemonClient(daemon);
        await Eventually.TrueAsync(async () => (await client.GetAsync(machine.Id)).State == MachineState.Running, "the machine is adopted");
        await client.Console.WriteConsoleAsync(new() { Machine = machine.Id, Data = Google.Protobuf.ByteString.CopyFromUtf8("still here\n") }, cancellationToken: ct.Token);
        await client.ConsoleShowsAsync(machine.Id, "still here");

        // The answers to what was asked before come to the next client, which may be cut off by them too, and comes again.
        await Eventually.TrueAsync(async () => await IsPausedAsync(client, machine), "the machine is paused");
    }

    // Nobody reads it for as long as no daemon is there; the socket between them would be full long before the end.
    [Fact]
    public async Task A_hypervisor_whose_monitor_nobody_reads_does_not_wait()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "talkative", "banner;echo;events:20000;text:done;hang");
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        using (var shim = await ShimSocket.ConnectAsync(daemon, machine.Id, TestContext.Current.CancellationToken))
        {
            await daemon.KillAsync();
            await shim.SendAsync(FrameType.Input, "exit\n"u8.ToArray(), TestContext.Current.CancellationToken);
            Assert.Equal((FrameType.Input, 0), await ResultAsync(shim, TestContext.Current.CancellationToken));
        }

        await Eventually.TrueAsync(() => Encoding.ASCII.GetString(DaemonClient.Truth(daemon, machine)).Contains("done", StringComparison.Ordinal), "the guest went on");
        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await client.GetAsync(machine.Id)).State == MachineState.Running, "the machine is adopted");
        await client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
    }

    private static async Task<bool> IsPausedAsync(DaemonClient client, Machine machine)
    {
        try
        {
            await client.Machines.PauseMachineAsync(new() { Machine = machine.Id });
            return (await client.GetAsync(machine.Id)).State == MachineState.Paused;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
        {
            return false;
        }
    }

    // A daemon has the monitor, and takes it back at once: these tests are alone with the shim.
    private static async Task<(DaemonProcess Daemon, Machine Machine)> StartAloneAsync(string name, string steps)
    {
        var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, name, steps);
        await client.ConsoleShowsAsync(machine.Id, "fakehv ready");
        await daemon.KillAsync();
        return (daemon, machine);
    }

    private static async Task<ShimSocket> OpenAsync(DaemonProcess daemon, Machine machine, CancellationToken ct)
    {
        var shim = await ShimSocket.ConnectAsync(daemon, machine.Id, ct);
        await shim.SendAsync(FrameType.OpenMonitor, [1], ct);
        Assert.Equal((FrameType.OpenMonitor, 0), await ResultAsync(shim, ct));
        return shim;
    }

    private static async Task<(FrameType Request, int Error)> ResultAsync(ShimSocket shim, CancellationToken ct)
    {
        var (type, payload) = await shim.ReceiveAsync(ct);
        Assert.Equal(FrameType.Result, type);
        return ((FrameType)BinaryPrimitives.ReadUInt16LittleEndian(payload), BinaryPrimitives.ReadInt32LittleEndian(payload.AsSpan(2)));
    }

    // The names of the next events, past all else.
    private static async Task<string> EventsAsync(ShimSocket shim, int count, CancellationToken ct)
    {
        var names = new List<string>();
        while (names.Count < count)
        {
            var (type, payload) = await shim.ReceiveAsync(ct);
            if (type == FrameType.MonitorSaid && JsonElement.Parse(payload.AsSpan(1)).TryGetProperty("event", out var name))
                names.Add(name.GetString()!);
        }

        return string.Join(' ', names);
    }

    // The next line of the monitor, past the result of the request.
    private static async Task<JsonElement> AskAsync(ShimSocket shim, string request, CancellationToken ct)
    {
        await shim.SendAsync(FrameType.ToMonitor, Encoding.UTF8.GetBytes(request), ct);
        Assert.Equal((FrameType.ToMonitor, 0), await ResultAsync(shim, ct));
        var line = new MemoryStream();
        while (true)
        {
            var (type, payload) = await shim.ReceiveAsync(ct);
            Assert.Equal(FrameType.MonitorSaid, type);
            line.Write(payload.AsSpan(1));
            if (payload[0] == 0)
                return JsonElement.Parse(line.ToArray());
        }
    }
}
