using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Clients that take and do not give: others are served all the same.</summary>
public sealed class HostileClientsTests
{
    [Fact]
    public async Task With_few_descriptors_idle_connections_leave_enough_for_machines_and_for_those_who_are_connected()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();
        await daemon.StartAsync(["prlimit", "--nofile=1024:1024"]);
        using var client = new DaemonClient(daemon);
        await client.Machines.ListMachinesAsync(new());

        var idle = Enumerable.Range(0, 600).Select(_ => Connect(daemon)).ToList();
        var closed = 0;
        foreach (var socket in idle)
            closed += await IsClosedAsync(socket) ? 1 : 0;

        // (1024 - 64) / 2, less the client's own.
        Assert.InRange(600 - closed, 470, 480);
        await client.RunAsync(daemon, "served", "banner;hang");
        Assert.Equal(MachineState.Running, (await client.GetAsync("served")).State);

        idle.ForEach(socket => socket.Dispose());
        await Eventually.TrueAsync(async () =>
        {
            using var late = new DaemonClient(daemon);
            try
            {
                await late.Machines.ListMachinesAsync(new());
                return true;
            }
            catch (RpcException)
            {
                return false;   // the idle ones are still being let go
            }
        }, "a new client is served once the idle ones are gone");
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001\u0000")]
    public async Task Who_speaks_something_else_or_stops_in_the_middle_harms_nobody(string words)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var sockets = Enumerable.Range(0, 50).Select(_ => Connect(daemon)).ToList();
        foreach (var socket in sockets)
            await socket.SendAsync(Encoding.Latin1.GetBytes(words));

        await client.RunAsync(daemon, "served", "banner");
        Assert.Equal(ExitReason.PowerOff, (await client.WaitAsync("served")).LastExit.Reason);
        sockets.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task Followers_that_do_not_read_cost_a_bounded_amount_and_hold_up_neither_the_guest_nor_others()
    {
        const int stalled = 90;   // below the streams that one connection may have
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        using var stuck = new DaemonClient(daemon);
        await client.RunAsync(daemon, "flood", "banner;echo;flood:40;echo");
        await client.ConsoleShowsAsync("flood", "fakehv ready");
        var calls = Enumerable.Range(0, stalled).Select(_ => stuck.Console.ReadConsole(new() { Machine = "flood", Offset = 0, Follow = true })).ToList();
        await Task.WhenAll(calls.Select(call => call.ResponseHeadersAsync));
        var before = Resident(daemon.Pid);

        await client.Console.WriteConsoleAsync(new() { Machine = "flood", Data = Google.Protobuf.ByteString.CopyFromUtf8("exit\n") });
        await Eventually.TrueAsync(async () => await EndAsync(client) > 40L << 20, "the guest wrote all of it");

        // 256 KB each, as promised, and what the runtime takes.
        Assert.InRange(Resident(daemon.Pid) - before, long.MinValue, (stalled * 256L << 10) + (100L << 20));
        calls.ForEach(call => call.Dispose());
    }

    [Fact]
    public async Task Who_does_not_read_holds_no_dropped_output_on_the_disk_and_is_told_the_gap()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync("--console-bytes", "1048576");
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "dropped", "banner;echo;flood:8");
        using var stuck = new DaemonClient(daemon);
        using var call = stuck.Console.ReadConsole(new() { Machine = "dropped", Offset = 0, Follow = true }, deadline: DaemonClient.Deadline);
        await call.ResponseHeadersAsync;
        await client.Console.WriteConsoleAsync(new() { Machine = "dropped", Data = Google.Protobuf.ByteString.CopyFromUtf8("exit\n") });
        await client.WaitAsync("dropped");

        await Eventually.TrueAsync(() => !HoldsDeleted(daemon.Pid), "no file is open that is not there");

        var truth = DaemonClient.Truth(daemon, machine);
        var (next, gaps) = (0L, 0L);
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            var chunk = call.ResponseStream.Current;
            Assert.Equal(next + chunk.GapBytes, chunk.Offset);
            Assert.Equal(truth[(int)chunk.Offset..(int)(chunk.Offset + chunk.Data.Length)], chunk.Data.ToByteArray());
            (next, gaps) = (chunk.Offset + chunk.Data.Length, gaps + chunk.GapBytes);
        }

        Assert.Equal(truth.Length, next);
        Assert.InRange(gaps, 1 << 20, 8 << 20);
    }

    private static bool HoldsDeleted(int pid) =>
        Directory.EnumerateFiles($"/proc/{pid}/fd").Any(file => new FileInfo(file).LinkTarget is { } target && target.Contains("/console/", StringComparison.Ordinal) && target.EndsWith(" (deleted)", StringComparison.Ordinal));

    private static async Task<long> EndAsync(DaemonClient client)
    {
        using var call = client.Console.ReadConsole(new() { Machine = "flood", TailBytes = 1 });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        return call.ResponseStream.Current.Offset;
    }

    private static Socket Connect(DaemonProcess daemon)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(daemon.Socket));
        return socket;
    }

    // One that is served gets nothing before it has said something: then only time would tell, and little will do.
    private static async Task<bool> IsClosedAsync(Socket socket)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        try
        {
            return await socket.ReceiveAsync(new byte[1], limit.Token) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static long Resident(int pid)
    {
        var line = File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    }
}
