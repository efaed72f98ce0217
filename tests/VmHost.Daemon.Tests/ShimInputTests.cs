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

    [Fact]
    public async Task Input_with_a_place_is_written_once_however_often_it_is_sent()
    {
        using var ct = ShimSocket.Limit();
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "placed", "ready;echo");
        var (first, second) = (Guid.NewGuid(), Guid.NewGuid());
        using (var shim = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token))
        {
            Assert.Equal(0, await ResultAsync(shim, FrameType.InputAt, new InputAt(first, 0).ToPayload("abc"u8), ct.Token));
            Assert.Equal(0, await ResultAsync(shim, FrameType.InputAt, new InputAt(first, 0).ToPayload("abc"u8), ct.Token));
        }

        using var other = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token);
        Assert.Equal(0, await ResultAsync(other, FrameType.InputAt, new InputAt(first, 1).ToPayload("bcde"u8), ct.Token));
        Assert.Equal(0, await ResultAsync(other, FrameType.InputAt, new InputAt(first, 9).ToPayload("f"u8), ct.Token));   // some were discarded
        Assert.Equal(0, await ResultAsync(other, FrameType.InputAt, new InputAt(second, 1).ToPayload("g"u8), ct.Token));
        Assert.Equal(0, await ResultAsync(other, FrameType.Input, "h"u8.ToArray(), ct.Token));
        Assert.Equal(0, await ResultAsync(other, FrameType.InputAt, new InputAt(second, 2).ToPayload([]), ct.Token));
        Assert.Equal(Errno.Invalid, await ResultAsync(other, FrameType.InputAt, new byte[InputAt.Size - 1], ct.Token));
        Assert.Equal(Errno.Invalid, await ResultAsync(other, FrameType.InputAt, new InputAt(second, -1).ToPayload("i"u8), ct.Token));

        await client.ConsoleShowsAsync("placed", "abcdefgh");
        Assert.Equal("fakehv: ready\r\nabcdefgh"u8.ToArray(), DaemonClient.Truth(daemon, machine));
    }

    // The terminal took a part of unknown length.
    [Fact]
    public async Task What_a_client_left_behind_goes_on_where_the_terminal_is()
    {
        using var ct = ShimSocket.Limit();
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "partly", "ready;sleep:700;echo");
        var session = Guid.NewGuid();
        var input = Enumerable.Range(0, 20_000).Select(static i => (byte)('a' + (i % 23))).ToArray();
        using (var shim = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token))
        {
            await shim.SendAsync(FrameType.Status, [], ct.Token);
            await shim.ReceiveAsync(ct.Token);
            await shim.SendAsync(FrameType.InputAt, new InputAt(session, 0).ToPayload(input), ct.Token);
        }

        using var again = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token);
        Assert.Equal(0, await ResultAsync(again, FrameType.InputAt, new InputAt(session, 0).ToPayload(input), ct.Token));

        byte[] expected = [.. "fakehv: ready\r\n"u8, .. input];
        await Eventually.TrueAsync(() => DaemonClient.Truth(daemon, machine).Length >= expected.Length, "all of it came");
        Assert.Equal(expected, DaemonClient.Truth(daemon, machine));
    }

    private static async Task<int> ResultAsync(ShimSocket shim, FrameType type, byte[] payload, CancellationToken ct)
    {
        await shim.SendAsync(type, payload, ct);
        var answer = await shim.ReceiveAsync(ct);
        Assert.Equal(FrameType.Result, answer.Type);
        return BinaryPrimitives.ReadInt32LittleEndian(answer.Payload.AsSpan(2));
    }
}
