using System.Globalization;
using System.Text;
using Google.Protobuf;
using VmHost.Benchmarks.Peers;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P5: from a key's being sent to its echo's being there, against the same guest on a terminal with nothing between. P6: the
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
        var (bytewise, isSame) = await BytewiseAsync(daemon, machines);
        var (terminal, call, peers) = (echoes[0], echoes[1], echoes[2..]);
        return
        [
            Measurement.Of("P5", $"a key to its echo, median of {Keys} / the same terminal alone", "us", terminal.Medians, "value", 250, hashOk),
            Measurement.Of("P5-p99", $"a key to its echo, slowest but one in 100 of {Keys} / the same", "us", terminal.Slowest, "value", 2000, hashOk),
            Measurement.Of("P5-grpc", $"a key to its echo, median of {Keys} / a call of a server that does nothing", "us", call.Medians, "ratio", 2, hashOk),
            .. peers.Select(peer => Measurement.Of($"P5-{peer.Name}", $"a key to its echo, median of {Keys} / at {peer.Name}", "us", peer.Medians, "ratio", 1, hashOk)),
            Measurement.Of("P6", "processor time of the shim for a MB in writes of one byte / cat's", "ms/MB", bytewise, "value", 75, isSame),
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

        using var attached = new PeerTerminals();
        foreach (var peer in IPeer.Installed(Peers))
        {
            var client = attached.Attach(peer, argv);
            others.Add(new(peer.Name, client.Drain, () => client.Echo(Key)));
        }

        using var call = console.ReadConsole(new() { Machine = machine.Id, Follow = true });
        var seen = new StringBuilder();
        while (!seen.ToString().Contains("ready\r\n", StringComparison.Ordinal) && await call.ResponseStream.MoveNext(CancellationToken.None))
            seen.Append(call.ResponseStream.Current.Data.ToString(Encoding.ASCII));

        var hashOk = true;
        for (var pair = 0; pair <= Pairs; pair++)
        {
            var value = new List<double>();
            for (var key = 0; key < Keys; key++)
            {
                var since = TimeProvider.System.GetTimestamp();
                var writing = console.WriteConsoleAsync(new() { Machine = machine.Id, Data = ByteString.CopyFrom(Key) });
                hashOk &= await call.ResponseStream.MoveNext(CancellationToken.None) && call.ResponseStream.Current.Data.Span.SequenceEqual([Key]);
                value.Add(TimeProvider.System.GetElapsedTime(since).TotalMicroseconds);
                await writing;

                others.ForEach(other => other.Type());
            }

            others.ForEach(other => other.EndPair(value, isWarmUp: pair == 0));
        }

        await machines.DeleteMachineAsync(new() { Machine = machine.Id, Force = true });
        return (others, hashOk);
    }

    private static async Task<(List<Pair> Pairs, bool IsSame)> BytewiseAsync(DaemonProcess daemon, MachineService.MachineServiceClient machines)
    {
        var (measured, isSame) = (new List<Pair>(), true);
        for (var i = 0; i < Pairs; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"bytes{i}");
            var prefix = FakeImages.Write(daemon.Directory, name, $"console=ttyS0 fake=chunk:1;sleep:300;bulk:{Megabytes};hang truth=/dev/null");
            var machine = (await machines.RunMachineAsync(new() { Name = name, Spec = new() { Boot = new() { TriplePrefix = prefix } } })).Machine;
            var before = ProcessorTime(machine.ShimPid);
            var end = (long)Megabytes << 20;
            var console = Path.Combine(daemon.MachineDirectory(machine.Id), "console", "00000000000000000000.log");
            await Eventually.TrueAsync(() => new FileInfo(console).Length >= end, "all is in the journal");
            var value = (ProcessorTime(machine.ShimPid) - before) / (Megabytes * 1.048576);

            var argv = (await machines.GetMachineAsync(new() { Machine = machine.Id })).Machine.Argv;
            using var directory = new TemporaryDirectory();
            using var bare = BareProcess.LikeMachine([.. argv.Select(word => word.Replace(";hang", "", StringComparison.Ordinal))], directory);
            measured.Add(new(bare.CopyTo(directory.Combine("copy")).TotalMilliseconds / (Megabytes * 1.048576), value));
            isSame &= Received.HashOf(console) == Received.HashOf(directory.Combine("copy"));
            await machines.DeleteMachineAsync(new() { Machine = machine.Id, Force = true });
        }

        return (measured, isSame);
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
