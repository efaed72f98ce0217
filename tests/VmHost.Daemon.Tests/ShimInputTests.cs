using System.Buffers.Binary;
using VmHost.Posix;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>What a shim does with what is typed, to those who are connected to it directly.</summary>
public sealed class ShimInputTests
{
    // More than a shim serves at the same time.
    private const int Senders = 20;

    [Fact]
    public async Task Those_who_go_away_while_the_guest_does_not_read_leave_nothing_behind()
    {
        using var ct = ShimSocket.Limit();
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "deaf", "ready;hang");
        for (var i = 0; i < Senders; i++)
        {
            using var sender = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token);
            await sender.SendAsync(FrameType.Status, [], ct.Token);
            await sender.ReceiveAsync(ct.Token);
            await sender.SendAsync(FrameType.Input, new byte[Frame.MaxPayload], ct.Token);
        }

        using var last = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token);
        await last.SendAsync(FrameType.Status, [], ct.Token);
        Assert.Equal(FrameType.StatusReply, (await last.ReceiveAsync(ct.Token)).Type);
    }

    [Fact]
    public async Task Who_has_the_lease_is_the_only_one_who_types_until_it_goes_or_is_taken()
    {
        using var ct = ShimSocket.Limit();
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "leased", "ready;echo");
        using var other = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token);
        using (var first = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token))
        {
            Assert.Equal(0, await ResultAsync(first, FrameType.Lease, [0], ct.Token));
            Assert.Equal(Errno.Busy, await ResultAsync(other, FrameType.Input, "x"u8.ToArray(), ct.Token));
            Assert.Equal(Errno.Busy, await ResultAsync(other, FrameType.Lease, [0], ct.Token));

            Assert.Equal(0, await ResultAsync(other, FrameType.Lease, [1], ct.Token));
            Assert.Equal(Errno.Busy, await ResultAsync(first, FrameType.Input, "x"u8.ToArray(), ct.Token));
            Assert.Equal(0, await ResultAsync(first, FrameType.Lease, [1], ct.Token));
        }

        await Eventually.TrueAsync(async () => await ResultAsync(other, FrameType.Input, "x"u8.ToArray(), ct.Token) == 0, "the lease of who went away is free");
    }

    private static async Task<int> ResultAsync(ShimSocket shim, FrameType type, byte[] payload, CancellationToken ct)
    {
        await shim.SendAsync(type, payload, ct);
        var answer = await shim.ReceiveAsync(ct);
        Assert.Equal(FrameType.Result, answer.Type);
        return BinaryPrimitives.ReadInt32LittleEndian(answer.Payload.AsSpan(2));
    }
}
