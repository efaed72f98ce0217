using System.Security.Cryptography;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Readers cost nobody anything.</summary>
public sealed class FollowersTests
{
    private const int StreamsPerConnection = 100;

    [Fact]
    public async Task A_thousand_followers_of_one_machine_all_get_every_byte()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "many", "ready;echo");
        var connections = Enumerable.Range(0, 1000 / StreamsPerConnection).Select(_ => new DaemonClient(daemon)).ToList();
        var followers = connections.SelectMany(connection => Enumerable.Range(0, StreamsPerConnection).Select(_ => HashAsync(connection))).ToList();

        // Written while they follow: 100 KB, then the end.
        for (var i = 0; i < 10; i++)
            await client.Console.WriteConsoleAsync(new() { Machine = "many", Data = Google.Protobuf.ByteString.CopyFrom(Enumerable.Repeat((byte)('a' + i), 10_000).ToArray()) });
        await client.Console.WriteConsoleAsync(new() { Machine = "many", Data = Google.Protobuf.ByteString.CopyFromUtf8("\rexit\r") });

        var hashes = await Task.WhenAll(followers);
        var truth = Convert.ToHexString(SHA256.HashData(DaemonClient.Truth(daemon, machine)));
        Assert.Equal([truth], hashes.Distinct());
        connections.ForEach(connection => connection.Dispose());
    }

    [Fact]
    public async Task Those_who_do_not_read_hold_up_neither_the_guest_nor_those_who_do()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        using var stalled = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "flood", "sleep:500;flood:40");
        var calls = Enumerable.Range(0, 50).Select(_ => stalled.Console.ReadConsole(new() { Machine = "flood", Offset = 0, Follow = true })).ToList();
        foreach (var call in calls)
            await call.ResponseHeadersAsync;

        var read = await HashAsync(client, "flood");

        Assert.Equal(Convert.ToHexString(SHA256.HashData(DaemonClient.Truth(daemon, machine))), read);
        var resident = (await File.ReadAllLinesAsync($"/proc/{daemon.Pid}/status", TestContext.Current.CancellationToken)).First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        var kilobytes = long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);

        // 50 of them with all of 40 MB would be 2 GB; the daemon of the tests takes about 150 MB by itself.
        Assert.InRange(kilobytes, 0, 400_000);
        calls.ForEach(call => call.Dispose());
    }

    private static async Task<string> HashAsync(DaemonClient client, string machine = "many")
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var call = client.Console.ReadConsole(new() { Machine = machine, Offset = 0, Follow = true }, deadline: DaemonClient.Deadline);
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            Assert.Equal(0, call.ResponseStream.Current.GapBytes);
            hash.AppendData(call.ResponseStream.Current.Data.Span);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
