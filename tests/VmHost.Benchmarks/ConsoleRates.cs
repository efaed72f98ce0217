using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using VmHost.Benchmarks.Peers;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P3: how fast a console gets into the journal, against <c>cat</c> of the same terminal into a file. P4: the same with
/// followers, and with followers who do not read. P12: how fast what is kept is read again, against the same bytes of a file
/// through a gRPC stream that does nothing else. All in milliseconds a MB, so that less is better.
/// </summary>
internal static class ConsoleRates
{
    private const int Mebibytes = 128;
    private const int FollowedMebibytes = 64;
    private const int Pairs = 5;
    private const int StreamsPerConnection = 50;

    // In MB: what a garbage collector may leave lying about, and nothing that grows with the gigabytes that passed.
    private const double MaxGrowth = 64;

    private static readonly IConsolePeer[] Peers = [new CatPeer(), new ConmonPeer(), new SocatPeer(), new TmuxPeer(), new ConserverPeer()];

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync(
            ["--qemu", Repository.PublishedFakeHypervisor, "--console-bytes", "2147483648", .. DaemonProcess.AnyMemory]);
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        var rates = new Rates(daemon, channel);
        var rows = new List<Measurement>();

        rows.AddRange(await rates.PeersAsync(Pairs, Mebibytes));
        rows.Add(await rates.StalledAsync(Pairs, Mebibytes, stalled: 100));
        foreach (var (followers, mebibytes, aim) in ((int, int, double)[])[(1, FollowedMebibytes, 1 / 0.7), (10, 32, 1000.0 / 250), (100, 8, 1000.0 / 120)])
            rows.Add(await rates.FollowAsync(Pairs, mebibytes, followers, aim));

        rows.Add(await rates.BesideNoneAsync(Pairs, FollowedMebibytes));
        rows.AddRange(await rates.ReplayAsync(Pairs));
        return rows;
    }

    private sealed class Rates(DaemonProcess daemon, GrpcChannel channel)
    {
        private readonly MachineService.MachineServiceClient _machines = new(channel);
        private int _number;

        internal bool HashOk { get; private set; } = true;

        /// <summary>Runs a guest that floods its console, and returns how long it took for a MB.</summary>
        internal async Task<(Machine Machine, double MillisecondsPerMb, IReadOnlyList<Received> Received)> WriteAsync(int mebibytes, int followers, int stalled)
        {
            var name = $"rate{_number++}";
            var prefix = FakeImages.Write(daemon.Directory, name, $"console=ttyS0 fake=sleep:300;bulk:{mebibytes} truth=/dev/null");
            var machine = (await _machines.RunMachineAsync(new() { Name = name, Spec = new() { Boot = new() { TriplePrefix = prefix } } })).Machine;
            var connections = Connections(daemon.Socket, followers + stalled);
            var lazy = Enumerable.Range(0, stalled).Select(number => Follow(connections[number / StreamsPerConnection], name)).ToList();
            foreach (var call in lazy)
                await call.ResponseHeadersAsync;

            var reading = Enumerable.Range(0, followers).Select(number => Task.Run(() => Received.DrainAsync(Follow(connections[(stalled + number) / StreamsPerConnection], name)))).ToList();
            var ended = (await _machines.WaitMachineAsync(new() { Machine = name })).Machines[0];
            var received = await Task.WhenAll(reading);
            var took = followers > 0
                ? TimeProvider.System.GetElapsedTime(received.Min(one => one.First), received.Max(one => one.Last))
                : ended.LastExit.RanFor.ToTimeSpan() - TimeSpan.FromMilliseconds(300);
            lazy.ForEach(call => call.Dispose());
            connections.ForEach(connection => connection.Dispose());
            return (await GetAsync(name), took.TotalMilliseconds / (mebibytes * Math.Max(1, followers) * 1.048576), received);
        }

        /// <summary>The same guest with each peer that is there, one after the other.</summary>
        internal async Task<IEnumerable<Measurement>> PeersAsync(int pairs, int mebibytes)
        {
            var peers = IPeer.Installed(Peers).Select(peer => (Peer: peer, Pairs: new List<Pair>())).ToList();
            for (var i = 0; i <= pairs; i++)
            {
                var (machine, value, _) = await WriteAsync(mebibytes, followers: 0, stalled: 0);
                foreach (var (peer, measured) in peers)
                {
                    var raw = Keep(peer, machine, mebibytes);
                    if (i > 0)
                        measured.Add(new(raw, value));
                }

                await DeleteAsync(machine);
            }

            return peers.Select(one => one.Peer is CatPeer
                ? Measurement.Of("P3", "console to journal / cat of the terminal to a file", "ms/MB", one.Pairs, "ratio", 1 / 0.9, HashOk)
                : Measurement.Of($"P3-{one.Peer.Name}", $"console to journal / {one.Peer.Name}, of the terminal to its log", "ms/MB", one.Pairs, "ratio", 1, HashOk));
        }

        private double Keep(IConsolePeer peer, Machine machine, int mebibytes)
        {
            using var directory = new TemporaryDirectory();
            var (took, copy) = peer.Run(BareProcess.ArgumentsOf(machine.Argv, directory), (long)mebibytes << 20, directory);
            var isSame = IsSame(peer.Name, Whole(machine, directory), copy);

            // What the others make of it is their own affair: that the journal is right cat shows.
            HashOk &= isSame || peer is not CatPeer;
            return (took.TotalMilliseconds - 300) / (mebibytes * 1.048576);
        }

        internal async Task<Measurement> StalledAsync(int pairs, int mebibytes, int stalled)
        {
            var measured = new List<Pair>();
            for (var i = 0; i <= pairs; i++)
            {
                var (alone, raw, _) = await WriteAsync(mebibytes, 0, 0);
                var (beside, value, _) = await WriteAsync(mebibytes, 0, stalled);
                using var directory = new TemporaryDirectory();
                var whole = Whole(alone, directory, "alone");
                HashOk &= HasLength(whole, mebibytes) && IsSame("the other journal", Whole(beside, directory, "beside"), whole);
                await DeleteAsync(alone);
                await DeleteAsync(beside);
                if (i > 0)
                    measured.Add(new(raw, value));
            }

            return Measurement.Of("P4-stalled", $"console to journal, {stalled} followers who do not read / none", "ms/MB", measured, "ratio", 1 / 0.95, HashOk);
        }

        internal async Task<Measurement> FollowAsync(int pairs, int mebibytes, int followers, double aim)
        {
            var measured = new List<Pair>();
            using var directory = new TemporaryDirectory();
            BareStream? bare = null;
            for (var i = 0; i <= pairs; i++)
            {
                var (machine, value, received) = await WriteAsync(mebibytes, followers, 0);
                var whole = Whole(machine, directory);
                HashOk &= HasLength(whole, mebibytes) && received.All(one => one.IsWhole(whole));
                await DeleteAsync(machine);

                // One server for all pairs, as there is one daemon: the first pair, which does not count, warms both.
                bare ??= await BareStream.StartAsync(whole);
                var raw = await BareAsync(bare, whole, mebibytes, followers);
                if (i > 0)
                    measured.Add(new(raw, value));
            }

            bare?.Dispose();

            return Measurement.Of($"P4-{followers}", $"console to {followers} followers, in sum / bare gRPC streams", "ms/MB", measured, followers == 1 ? "ratio" : "value", aim, HashOk);
        }

        /// <summary>What one follower costs where the terminal is slower than any stream: the guest, and so the follower, has to wait for it.</summary>
        internal async Task<Measurement> BesideNoneAsync(int pairs, int mebibytes)
        {
            var measured = new List<Pair>();
            for (var i = 0; i <= pairs; i++)
            {
                var (alone, raw, _) = await WriteAsync(mebibytes, 0, 0);
                var (followed, value, received) = await WriteAsync(mebibytes, 1, 0);
                using var directory = new TemporaryDirectory();
                var whole = Whole(alone, directory);
                HashOk &= HasLength(whole, mebibytes) && received.All(one => one.IsWhole(whole));
                await DeleteAsync(alone);
                await DeleteAsync(followed);
                if (i > 0)
                    measured.Add(new(raw, value));
            }

            return Measurement.Of("P4-1-terminal", "console to 1 follower / to the journal with none", "ms/MB", measured, "ratio", 1 / 0.7, HashOk);
        }

        internal async Task<IEnumerable<Measurement>> ReplayAsync(int pairs)
        {
            const int mebibytes = 1024;
            var (machine, _, _) = await WriteAsync(mebibytes, 0, 0);
            using var directory = new TemporaryDirectory();
            var whole = Whole(machine, directory);
            HashOk &= HasLength(whole, mebibytes);
            using var bare = await BareStream.StartAsync(whole);
            var before = Resident();
            var measured = new List<Pair>();
            for (var i = 0; i <= pairs; i++)
            {
                var read = await Received.DrainAsync(new ConsoleService.ConsoleServiceClient(channel).ReadConsole(new() { Machine = machine.Name }));
                var value = read.Took.TotalMilliseconds / (mebibytes * 1.048576);
                HashOk &= read.IsWhole(whole);
                var raw = await BareAsync(bare, whole, mebibytes, 1);
                if (i > 0)
                    measured.Add(new(raw, value));
            }

            return
            [
                Measurement.Of("P12", "replay of 1 GiB / the same file through a bare gRPC stream", "ms/MB", measured, "ratio", 1 / 0.8, HashOk),
                Measurement.Alone("P12-memory", $"daemon, RSS, what it grew by in {pairs + 1} such replays", "MB", [Resident() - before], MaxGrowth),
            ];
        }

        internal async Task DeleteAsync(Machine machine) => await _machines.DeleteMachineAsync(new() { Machine = machine.Id });

        private async Task<Machine> GetAsync(string name) => (await _machines.GetMachineAsync(new() { Machine = name })).Machine;

        private async Task<double> BareAsync(BareStream bare, string file, int mebibytes, int readers)
        {
            var connections = Connections(bare.Socket, readers);
            var reading = Enumerable.Range(0, readers).Select(number => Task.Run(() => Received.DrainAsync(new ConsoleService.ConsoleServiceClient(connections[number / StreamsPerConnection]).ReadConsole(new()))));
            var received = await Task.WhenAll(reading);
            var took = TimeProvider.System.GetElapsedTime(received.Min(one => one.First), received.Max(one => one.Last));
            connections.ForEach(connection => connection.Dispose());
            HashOk &= received.All(one => one.IsWhole(file));
            return took.TotalMilliseconds / (mebibytes * readers * 1.048576);
        }

        private static List<GrpcChannel> Connections(string socket, int streams) =>
            [.. Enumerable.Range(0, (streams + StreamsPerConnection - 1) / StreamsPerConnection).Select(_ => VmHostChannel.Open(new VmHostAddress(socket)))];

        private static bool HasLength(string file, int mebibytes) => new FileInfo(file).Length == (long)mebibytes << 20;

        private static AsyncServerStreamingCall<ReadConsoleResponse> Follow(GrpcChannel connection, string name) =>
            new ConsoleService.ConsoleServiceClient(connection).ReadConsole(new() { Machine = name, Offset = 0, Follow = true });

        // The journal's segments are the console, as they are.
        private string Whole(Machine machine, TemporaryDirectory directory, string name = "whole")
        {
            var path = directory.Combine(name);
            using var whole = File.Create(path);
            foreach (var segment in Directory.GetFiles(Path.Combine(daemon.MachineDirectory(machine.Id), "console"), "*.log").Order(StringComparer.Ordinal))
            {
                using var part = File.OpenRead(segment);
                part.CopyTo(whole);
            }

            return path;
        }

        // The guest writes the same each time, so whose length is wrong is who lost something.
        private static bool IsSame(string peer, string journal, string copy)
        {
            var isSame = Received.HashOf(journal) == Received.HashOf(copy);
            if (!isSame)
                Console.WriteLine($"   bytes differ: the journal has {new FileInfo(journal).Length}, {peer} {new FileInfo(copy).Length}");

            return isSame;
        }

        private long Resident()
        {
            using var process = Process.GetProcessById(daemon.Pid);
            return process.WorkingSet64 / 1_000_000;
        }
    }
}
