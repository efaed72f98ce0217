using System.Buffers.Binary;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>What a shim tells of its journal, to one who has nothing else to go by.</summary>
public sealed class ShimNewsTests
{
    private const int Floods = 5;
    private const int Lines = 2000;
    private const int LineLength = 19;

    private static readonly byte[] Ready = [.. "fakehv: ready\r\n"u8];
    private static readonly byte[] Exit = [.. "exit\r"u8];

    [Fact]
    public async Task Where_a_flood_ends_is_told()
    {
        using var ct = ShimSocket.Limit();
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "news", "ready;" + string.Concat(Enumerable.Repeat("echo;bulk:1;", Floods)) + "hang");
        using var shim = await SubscribedAsync(daemon, machine.Id, ct.Token);

        var end = (long)Ready.Length;
        await ToldAsync(shim, end, ct.Token);
        for (var flood = 0; flood < Floods; flood++)
        {
            // What ends the echo is sent back too. Nothing else comes after the flood that it could be told with.
            await shim.SendAsync(FrameType.Input, Exit, ct.Token);
            end += Exit.Length + (1 << 20);
            await ToldAsync(shim, end, ct.Token);
        }
    }

    [Fact]
    public async Task Who_has_not_read_for_a_while_is_told_where_the_journal_ends()
    {
        using var ct = ShimSocket.Limit();
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);

        // More pieces of news than a socket holds.
        var machine = await client.RunAsync(daemon, "late", $"ready;echo;lines:{Lines}:2000;hang");
        using var shim = await SubscribedAsync(daemon, machine.Id, ct.Token);
        await shim.SendAsync(FrameType.Input, Exit, ct.Token);
        var end = Ready.Length + Exit.Length + (Lines * LineLength);
        var console = Path.Combine(daemon.MachineDirectory(machine.Id), "console", "00000000000000000000.log");
        await Eventually.TrueAsync(() => new FileInfo(console).Length >= end, "the guest has written all");

        await ToldAsync(shim, end, ct.Token);
    }

    private static async Task<ShimSocket> SubscribedAsync(DaemonProcess daemon, string machine, CancellationToken ct)
    {
        var shim = await ShimSocket.ConnectAsync(daemon, machine, ct);
        await shim.SendAsync(FrameType.Subscribe, [], ct);
        return shim;
    }

    private static async Task ToldAsync(ShimSocket shim, long end, CancellationToken ct)
    {
        for (var told = 0L; told < end;)
        {
            var (type, payload) = await shim.ReceiveAsync(ct);
            if (type == FrameType.End)
                told = BinaryPrimitives.ReadInt64LittleEndian(payload);
        }
    }
}
