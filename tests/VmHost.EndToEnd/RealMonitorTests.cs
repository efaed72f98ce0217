using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>
/// What VmHost assumes of QEMU's monitor, on the real one and by way of the shim: which events and answers a full disk of the host
/// makes, and in which order.
/// </summary>
[Collection("one guest at a time: two cores, and QEMU emulates in software")]
public sealed class RealMonitorTests
{
    private const int Filler = 5 << 20;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_full_disk_of_the_host_stops_the_guest_and_the_monitor_says_which_and_why()
    {
        await using var daemon = await DaemonProcess.StartPublishedWithGuestDiskAsync("6m");
        await File.WriteAllBytesAsync(Path.Combine(daemon.VisibleGuestDisk, "filler"), new byte[Filler], Ct);
        await using (var disk = new FileStream(Path.Combine(daemon.VisibleGuestDisk, "disk"), FileMode.CreateNew))
            disk.SetLength(DiskWriterImage.DiskBytes);

        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "writes", "-m", "64", "--disk", Path.Combine(daemon.GuestDisk, "disk"), DiskWriterImage.Write(daemon.Directory, "writer"));
        var machine = Directory.GetDirectories(Path.Combine(daemon.StateDir, "machines")).Single();
        await Eventually.TrueAsync(() => File.ReadAllText(Path.Combine(machine, "qmp.log")).Contains("\"STOP\"", StringComparison.Ordinal), "the guest is stopped");

        using var monitor = await OpenMonitorAsync(machine);
        Assert.Equal("io-error", (await AskAsync(monitor, "query-status")).Answer.GetProperty("status").GetString());
        var block = (await AskAsync(monitor, "query-block")).Answer.EnumerateArray().Single(one => one.GetProperty("device").GetString() == "disk0");
        Assert.Equal("nospace", block.GetProperty("io-status").GetString());

        // Still full: it runs, fails and stops again. The events are those that QemuObserver reads.
        var events = (await AskAsync(monitor, "cont")).Events;
        while (events.Count < 3)
            events.Add(await ReadAsync(monitor));
        Assert.Equal(["RESUME", "BLOCK_IO_ERROR", "STOP"], events.Select(one => one.GetProperty("event").GetString()));
        var error = events[1].GetProperty("data");
        Assert.Equal(
            ("disk0", true, "stop", "No space left on device"),
            (error.GetProperty("device").GetString(), error.GetProperty("nospace").GetBoolean(), error.GetProperty("action").GetString(), error.GetProperty("reason").GetString()));

        // With room it goes on where it was.
        File.Delete(Path.Combine(daemon.VisibleGuestDisk, "filler"));
        await AskAsync(monitor, "cont");
        await Vmctl.OkAsync(daemon, "expect", "writes", "D", "--timeout", "60");
        Assert.Equal($"A{new string('w', DiskWriterImage.DiskBytes / (32 << 10))}D", await Vmctl.OkAsync(daemon, "logs", "writes"));
        await Vmctl.OkAsync(daemon, "kill", "writes");
    }

    private static async Task<Monitor> OpenMonitorAsync(string machine)
    {
        var monitor = new Monitor(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), new FrameBuffer());
        await monitor.Socket.ConnectAsync(new UnixDomainSocketEndPoint(LaunchRecord.Load(machine).ControlSocket), Ct);
        await monitor.Socket.SendAsync(Frame.Of(FrameType.OpenMonitor, [1]), Ct);
        Assert.Equal([8, 0, 0, 0, 0, 0], (await ReceiveAsync(monitor, FrameType.Result)).ToArray());
        return monitor;
    }

    private static async Task<(JsonElement Answer, List<JsonElement> Events)> AskAsync(Monitor monitor, string command)
    {
        await monitor.Socket.SendAsync(Frame.Of(FrameType.ToMonitor, Encoding.UTF8.GetBytes($$"""{"execute": "{{command}}", "id": "{{command}}"}""")), Ct);
        var events = new List<JsonElement>();
        while (true)
        {
            var line = await ReadAsync(monitor);
            if (line.TryGetProperty("id", out var id) && id.ValueEquals(command))
                return (line.GetProperty("return"), events);

            if (line.TryGetProperty("event", out _))
                events.Add(line);
        }
    }

    private static async Task<JsonElement> ReadAsync(Monitor monitor)
    {
        var line = new MemoryStream();
        while (true)
        {
            var payload = await ReceiveAsync(monitor, FrameType.MonitorSaid);
            line.Write(payload.AsSpan(1));
            if (payload[0] == 0)
                return JsonElement.Parse(line.ToArray());
        }
    }

    // The next frame of that type; the results of requests come in between.
    private static async Task<byte[]> ReceiveAsync(Monitor monitor, FrameType wanted)
    {
        while (true)
        {
            while (monitor.Received.TryTake(out var type, out var payload))
            {
                if (type == wanted)
                    return payload.ToArray();
            }

            var count = await monitor.Socket.ReceiveAsync(monitor.Received.Free, Ct);
            Assert.NotEqual(0, count);
            monitor.Received.Received(count);
        }
    }

    private sealed record Monitor(Socket Socket, FrameBuffer Received) : IDisposable
    {
        public void Dispose() => Socket.Dispose();
    }
}
