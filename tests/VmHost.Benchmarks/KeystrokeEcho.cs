using System.Globalization;
using Google.Protobuf;
using VmHost.Benchmarks.Peers;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P5: from a key's being sent to its echo's being there, by AttachConsole, against the same guest on a terminal with nothing between. P6: the
/// processor time that a guest costs which writes byte by byte, as xhyve, HyperKit and QEMU do.
/// </summary>
internal static class KeystrokeEcho
{
    // In no escape sequence with which a peer draws its screen.
    private const byte Key = (byte)'#';

    private const int Keys = 500;
    private const int Pairs = 7;
    private const int Megabytes = 2;

    private static readonly ITypedPeer[] Peers = [new SocatPeer(), new TmuxPeer(), new ConserverPeer()];

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync(["--qemu", Repository.PublishedFakeHypervisor, .. DaemonProcess.AnyMemory]);
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        var machines = new MachineService.MachineServiceClient(channel);
        var console = new ConsoleService.ConsoleServiceClient(channel);

        var (echoes, hashOk) = await EchoAsync(daemon, machines, console);
        var (behind, isBehindSame) = await BehindAsync(daemon, machines, console);
        var (bytewise, ofDaemon, isSame) = await BytewiseAsync(daemon, machines);
        var (terminal, call, peers) = (echoes[0], echoes[1], echoes[2..]);
        return
        [
            Measurement.Of("P5", $"a key to its echo, median of {Keys} / the same terminal alone", "us", terminal.Medians, "difference", 250, hashOk),
            Measurement.Of("P5-p99", $"a key to its echo, slowest but one in 100 of {Keys} / the same", "us", terminal.Slowest, "difference", 2000, hashOk),
            Measurement.Of("P5-grpc", $"a key to its echo, median of {Keys} / a call of a server that does nothing", "us", call.Medians, "ratio", 2, hashOk),
            Measurement.Of("P5-grpc-p99", $"a key to its echo, slowest but one in 100 of {Keys} / the same", "us", call.Slowest, "ratio", 2, hashOk),
            .. peers.SelectMany(peer => new[]
            {
                Measurement.Of($"P5-{peer.Name}", $"a key to its echo, median of {Keys} / at {peer.Name}", "us", peer.Medians, "ratio", 2, hashOk),
                Measurement.Of($"P5-{peer.Name}-p99", $"a key to its echo, slowest but one in 100 of {Keys} / at {peer.Name}", "us", peer.Slowest, "ratio", 3, hashOk),
            }),
            Measurement.Of("P6", "processor time of the shim for a MB in writes of one byte / cat's", "ms/MB", bytewise, "value", 75, isSame),
            Measurement.Of("P6-daemon", "processor time of the daemon for the same, which nobody follows / cat's", "ms/MB", ofDaemon, "value", 75, isSame),
            Measurement.Of("P6-latency", $"a key right behind the echo of another to its echo, median of {Keys} / the terminal alone", "us", behind, "difference", 1250, isBehindSame),
        ];
    }

    private static async Task<(List<Echoes> Echoes, bool HashOk)> EchoAsync(
        DaemonProcess daemon, MachineService.MachineServiceClient machines, ConsoleService.ConsoleServiceClient console)
    {
        var prefix = FakeImages.Write(daemon.Directory, "echo", "console=ttyS0 fake=ready;echo truth=/dev/null");
        var machine = (await machines.RunMachineAsync(new() { Name = "echo", Spec = new() { Boot = new() { TriplePrefix = prefix } } })).Machine;
        var argv = (await machines.GetMachineAsync(new() { Machine = machine.Id })).Machine.Argv;
        using var directory = new TemporaryDirectory();
        using var bare = BareProcess.LikeMachine(argv, directory);
        bare.ReadTo("ready\r\n");
        var nothing = directory.Combine("nothing");
        await File.WriteAllBytesAsync(nothing, []);
        using var server = await BareStream.StartAsync(nothing);
        var caller = new ConsoleService.ConsoleServiceClient(server.Channel);
        List<Echoes> others =
        [
            new("terminal", bare.Drain, () => bare.Echo(Key)),
            new("gRPC", () => { }, () => caller.WriteConsole(new() { Machine = machine.Id, Data = ByteString.CopyFrom(Key) })),
        ];

        using var terminals = new PeerTerminals();
        foreach (var peer in IPeer.Installed(Peers))
        {
            var client = terminals.Attach(peer, argv);
            others.Add(new(peer.Name, client.Drain, () => client.Echo(Key)));
        }

        await using var attached = await AttachedConsole.OpenAsync(console, machine.Id);
        await attached.ReadToAsync("ready\r\n");

        var hashOk = true;
        for (var pair = 0; pair <= Pairs; pair++)
        {
            var value = new List<double>();
            for (var key = 0; key < Keys; key++)
            {
                var since = TimeProvider.System.GetTimestamp();
                hashOk &= await attached.EchoAsync(Key);
                value.Add(TimeProvider.System.GetElapsedTime(since).TotalMicroseconds);

                others.ForEach(other => other.Type());
            }

            others.ForEach(other => other.EndPair(value, isWarmUp: pair == 0));
        }

        await machines.DeleteMachineAsync(new() { Machine = machine.Id, Force = true });
        return (others, hashOk);
    }

    // Where one key follows the other the shim gathers bytes, for a millisecond.
    private static async Task<(List<Pair> Pairs, bool IsSame)> BehindAsync(
        DaemonProcess daemon, MachineService.MachineServiceClient machines, ConsoleService.ConsoleServiceClient console)
    {
        var prefix = FakeImages.Write(daemon.Directory, "behind", "console=ttyS0 fake=echo truth=/dev/null");
        var machine = (await machines.RunMachineAsync(new() { Name = "behind", Spec = new() { Boot = new() { TriplePrefix = prefix } } })).Machine;
        using var directory = new TemporaryDirectory();
        using var bare = BareProcess.LikeMachine((await machines.GetMachineAsync(new() { Machine = machine.Id })).Machine.Argv, directory);
        await using var attached = await AttachedConsole.OpenAsync(console, machine.Id);

        var (pairs, isSame) = (new List<Pair>(), true);
        for (var pair = 0; pair <= Pairs; pair++)
        {
            var (value, raw) = (new List<double>(), new List<double>());
            for (var key = 0; key < Keys; key++)
            {
                var since = TimeProvider.System.GetTimestamp();
                isSame &= await attached.EchoAsync(Key);
                value.Add(TimeProvider.System.GetElapsedTime(since).TotalMicroseconds);
            }

            for (var key = 0; key < Keys; key++)
            {
                var since = TimeProvider.System.GetTimestamp();
                bare.Echo(Key);
                raw.Add(TimeProvider.System.GetElapsedTime(since).TotalMicroseconds);
            }

            if (pair > 0)
                pairs.Add(new(Statistics.Median(raw), Statistics.Median(value)));
        }

        await machines.DeleteMachineAsync(new() { Machine = machine.Id, Force = true });
        return (pairs, isSame);
    }

    private static async Task<(List<Pair> Shim, List<Pair> Daemon, bool IsSame)> BytewiseAsync(DaemonProcess daemon, MachineService.MachineServiceClient machines)
    {
        var (shim, ofDaemon, isSame) = (new List<Pair>(), new List<Pair>(), true);
        for (var i = 0; i < Pairs; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"bytes{i}");
            var prefix = FakeImages.Write(daemon.Directory, name, $"console=ttyS0 fake=chunk:1;sleep:300;bulk:{Megabytes};hang truth=/dev/null");
            var machine = (await machines.RunMachineAsync(new() { Name = name, Spec = new() { Boot = new() { TriplePrefix = prefix } } })).Machine;
            var before = (Shim: ProcessorTime(machine.ShimPid), Daemon: ProcessorTime(daemon.Pid));
            var end = (long)Megabytes << 20;
            var console = Path.Combine(daemon.MachineDirectory(machine.Id), "console", "00000000000000000000.log");
            await Eventually.TrueAsync(() => new FileInfo(console).Length >= end, "all is in the journal");
            var after = (Shim: ProcessorTime(machine.ShimPid), Daemon: ProcessorTime(daemon.Pid));

            var argv = (await machines.GetMachineAsync(new() { Machine = machine.Id })).Machine.Argv;
            using var directory = new TemporaryDirectory();
            using var bare = BareProcess.LikeMachine([.. argv.Select(word => word.Replace(";hang", "", StringComparison.Ordinal))], directory);
            var cat = bare.CopyTo(directory.Combine("copy")).TotalMilliseconds / (Megabytes * 1.048576);
            shim.Add(new(cat, (after.Shim - before.Shim) / (Megabytes * 1.048576)));
            ofDaemon.Add(new(cat, (after.Daemon - before.Daemon) / (Megabytes * 1.048576)));
            isSame &= Received.HashOf(console) == Received.HashOf(directory.Combine("copy"));
            await machines.DeleteMachineAsync(new() { Machine = machine.Id, Force = true });
        }

        return (shim, ofDaemon, isSame);
    }

    // utime and stime of /proc/PID/stat, in hundredths of a second.
    private static double ProcessorTime(int pid)
    {
        var fields = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat")).Split(") ")[1].Split(' ');
        return 10 * (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture));
    }

    /// <summary>What is beside VmHost, and how long a key takes there and at VmHost.</summary>
    /// <param name="name">Of what is beside it.</param>
    /// <param name="prepare">What is not measured.</param>
    /// <param name="echo">Types a key and returns when it has come back.</param>
    private sealed class Echoes(string name, Action prepare, Action echo)
    {
        private readonly List<double> _raw = [];

        internal string Name { get; } = name;

        internal List<Pair> Medians { get; } = [];

        internal List<Pair> Slowest { get; } = [];

        internal void Type()
        {
            prepare();
            var since = TimeProvider.System.GetTimestamp();
            echo();
            _raw.Add(TimeProvider.System.GetElapsedTime(since).TotalMicroseconds);
        }

        internal void EndPair(List<double> value, bool isWarmUp)
        {
            if (!isWarmUp)
            {
                Medians.Add(new(Statistics.Median(_raw), Statistics.Median(value)));
                Slowest.Add(new(AlmostSlowest(_raw), AlmostSlowest(value)));
            }

            _raw.Clear();
        }

        private static double AlmostSlowest(List<double> values) => values.Order().ElementAt(values.Count * 99 / 100);
    }
}
