using Grpc.Core;
using Grpc.Net.Client;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P4-memory: what the daemon holds for one who follows a console, when nothing comes, and when the follower does not read
/// what comes.
/// </summary>
internal static class FollowerMemory
{
    private const int Rounds = 3;
    private const int Followers = 1000;
    private const int Stalled = 100;
    private const int StreamsPerConnection = 50;
    private const int Mebibytes = 64;

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        var (waiting, stalled) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            waiting.Add(await KilobytesAsync(Followers, "console=ttyS0 fake=ready;hang truth=/dev/null", "ready\r\n".Length));
            stalled.Add(await KilobytesAsync(Stalled, $"console=ttyS0 fake=sleep:3000;bulk:{Mebibytes};hang truth=/dev/null", (long)Mebibytes << 20));
        }

        return
        [
            Measurement.Alone("P4-memory", $"daemon, RSS, for each of {Followers} followers of a silent console", "KB", waiting, 256),
            Measurement.Alone("P4-memory-stalled", $"daemon, RSS, for each of {Stalled} followers who do not read {Mebibytes} MiB", "KB", stalled, 256),
        ];
    }

    // A daemon of its own each time: what a process has once had it does not all give back.
    private static async Task<double> KilobytesAsync(int followers, string cmdline, long bytes)
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync(["--qemu", Repository.PublishedFakeHypervisor, .. DaemonProcess.AnyMemory]);
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        var machines = new MachineService.MachineServiceClient(channel);
        var prefix = FakeImages.Write(daemon.Directory, "followed", cmdline);
        var machine = (await machines.RunMachineAsync(new() { Name = "followed", Spec = new() { Boot = new() { TriplePrefix = prefix } } })).Machine;
        var before = MemoryUse.Megabytes(daemon.Pid, "Rss");

        var connections = Enumerable.Range(0, followers / StreamsPerConnection).Select(_ => VmHostChannel.Open(new VmHostAddress(daemon.Socket))).ToList();
        var calls = Enumerable.Range(0, followers).Select(number => Follow(connections[number / StreamsPerConnection], machine)).ToList();
        foreach (var call in calls)
            await call.ResponseHeadersAsync;

        var console = Path.Combine(daemon.MachineDirectory(machine.Id), "console");
        await Eventually.TrueAsync(() => Directory.GetFiles(console, "*.log").Sum(file => new FileInfo(file).Length) >= bytes, "the guest has written all");
        var after = MemoryUse.Megabytes(daemon.Pid, "Rss");

        calls.ForEach(call => call.Dispose());
        connections.ForEach(connection => connection.Dispose());
        await machines.DeleteMachineAsync(new() { Machine = machine.Id, Force = true });
        return (after - before) * 1000 / followers;
    }

    private static AsyncServerStreamingCall<ReadConsoleResponse> Follow(GrpcChannel connection, Machine machine) =>
        new ConsoleService.ConsoleServiceClient(connection).ReadConsole(new() { Machine = machine.Id, Offset = 0, Follow = true });
}
