using System.Buffers.Binary;
using System.Net.Sockets;
using VmHost.ShimContract.Records;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>What a shim tells of its journal, to one who has nothing else to go by.</summary>
public sealed class ShimNewsTests
{
    // Large reads, and more than one before the others are told again.
    private static readonly byte[] Burst = new byte[3000];

    [Fact]
    public async Task Where_a_flood_ends_is_told()
    {
        using var ct = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        ct.CancelAfter(TimeSpan.FromMinutes(1));
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "news", "ready;echo");
        using var shim = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await shim.ConnectAsync(new UnixDomainSocketEndPoint(LaunchRecord.Load(daemon.MachineDirectory(machine.Id)).ControlSocket), ct.Token);
        await shim.SendAsync(Frame.Of(FrameType.Subscribe, []), ct.Token);
        var received = new FrameBuffer();

        var end = (long)"ready\r\n".Length;
        await ToldAsync(shim, received, end, ct.Token);
        for (var flood = 0; flood < 50; flood++)
        {
            for (var i = 0; i < 3; i++, end += Burst.Length)
                await shim.SendAsync(Frame.Of(FrameType.Input, Burst), ct.Token);

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
