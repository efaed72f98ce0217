using System.Buffers.Binary;
using System.Net.Sockets;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>What a shim tells of its journal, to one who has nothing else to go by.</summary>
public sealed class ShimNewsTests
{
    private const int Floods = 5;

    [Fact]
    public async Task Where_a_flood_ends_is_told()
    {
        using var ct = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        ct.CancelAfter(TimeSpan.FromMinutes(1));
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "news", "ready;" + string.Concat(Enumerable.Repeat("echo;bulk:1;", Floods)) + "hang");
        using var shim = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await shim.ConnectAsync(new UnixDomainSocketEndPoint(LaunchRecord.Load(daemon.MachineDirectory(machine.Id)).ControlSocket), ct.Token);
        await shim.SendAsync(Frame.Of(FrameType.Subscribe, []), ct.Token);
        var received = new FrameBuffer();

        var end = (long)"ready\r\n".Length;
        await ToldAsync(shim, received, end, ct.Token);
        for (var flood = 0; flood < Floods; flood++)
        {
            // What ends the echo is sent back too. Nothing else comes after the flood that it could be told with.
            await shim.SendAsync(Frame.Of(FrameType.Input, "exit\r"u8), ct.Token);
            end += "exit\r".Length + (1 << 20);
            await ToldAsync(shim, received, end, ct.Token);
        }
    }

    private static async Task ToldAsync(Socket shim, FrameBuffer received, long end, CancellationToken ct)
    {
        for (var told = 0L; told < end;)
        {
            while (received.TryTake(out var type, out var payload))
            {
                if (type == FrameType.End)
                    told = BinaryPrimitives.ReadInt64LittleEndian(payload);
            }

            if (told < end)
                received.Received(await shim.ReceiveAsync(received.Free, ct));
        }
    }
}
