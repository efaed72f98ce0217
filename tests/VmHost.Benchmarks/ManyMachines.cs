using System.Globalization;
using Grpc.Core;
using Grpc.Net.Client;
using VmHost.Client;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P8, P10, P13 and P14: a daemon with 1,000 machines. What it holds and does while nothing happens; how soon the next one
/// serves after a kill, and knows them all, against one with no machines; how soon an end is told, against waitpid.
/// </summary>
internal static class ManyMachines
{
    private const int Machines = 1000;
    private const int Restarts = 7;
    private const int Ends = 40;
    private const int Starters = 4;

    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(30);

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        await using var empty = await DaemonProcess.StartPublishedAsync();
        await using var full = await DaemonProcess.StartPublishedAsync(["--qemu", Repository.PublishedFakeHypervisor, "--max-machines", "2000", .. DaemonProcess.AnyMemory]);
        await StartAllAsync(full);

        var (serving, known) = await RestartAsync(empty, full);
        var memory = MemoryUse.Megabytes(full.Pid, "Rss");
        var cpu = await IdleCpuAsync(full.Pid);
        var ends = await EndsAsync(full);
        return
        [
            Measurement.Alone("P8-1000", "daemon, RSS, 1,000 machines running, after its start", "MB", [memory], 60),
            Measurement.Alone("P8-cpu", "daemon, idle CPU with 1,000 machines", "%", [cpu], 0.2),
            Measurement.Of("P10", "kill -9 to first answer, 1,000 machines / none", "ms", serving, "value", 500, null),
            Measurement.Alone("P10-all", "kill -9 to all 1,000 machines known", "ms", known, 2000),
            Measurement.Of("P13", "as P10: recovery", "ms", serving, "value", 1000, null),
            Measurement.Of("P14", "kill of a hypervisor to its event, 1,000 machines / waitpid", "ms", ends, "value", 50, null),
            Measurement.Alone("P14-p99", "the slowest of these", "ms", [ends.Max(pair => pair.Value)], 50),
        ];
    }

    private static async Task StartAllAsync(DaemonProcess daemon)
    {
        using var channel = Open(daemon);
        var machines = new MachineService.MachineServiceClient(channel);
        var prefix = FakeImages.Write(daemon.Directory, "stub", "console=ttyS0 fake=banner;hang");
        await Parallel.ForEachAsync(Enumerable.Range(0, Machines), new ParallelOptions { MaxDegreeOfParallelism = Starters }, async (number, ct) =>
            await machines.RunMachineAsync(
                new() { Name = string.Create(CultureInfo.InvariantCulture, $"m{number}"), Spec = new() { Boot = new() { TriplePrefix = prefix }, MemoryBytes = 64 << 20 } },
                cancellationToken: ct));
    }

    private static async Task<(List<Pair> Serving, List<double> Known)> RestartAsync(DaemonProcess empty, DaemonProcess full)
    {
        var serving = new List<Pair>();
        var known = new List<double>();
        for (var i = 0; i < Restarts; i++)
        {
            var raw = (await MeasureRestartAsync(empty, 0)).Serving;
            var (served, all) = await MeasureRestartAsync(full, Machines);
            serving.Add(new(raw.TotalMilliseconds, served.TotalMilliseconds));
            known.Add(all.TotalMilliseconds);
        }

        return (serving, known);
    }

    private static async Task<(TimeSpan Serving, TimeSpan Known)> MeasureRestartAsync(DaemonProcess daemon, int machines)
    {
        var since = TimeProvider.System.GetTimestamp();
        await daemon.KillAsync();
        var starting = daemon.StartAsync();
        using var channel = Open(daemon);
        var client = new MachineService.MachineServiceClient(channel);
        var serving = TimeSpan.Zero;
        while (true)
        {
            try
            {
                var list = (await client.ListMachinesAsync(new())).Machines;
                if (serving == TimeSpan.Zero)
                    serving = TimeProvider.System.GetElapsedTime(since);
                if (list.Count == machines && list.All(machine => machine.State == MachineState.Running))
                    break;
            }
            catch (RpcException)
            {
                // Not there yet.
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }

        var known = TimeProvider.System.GetElapsedTime(since);
        await starting;
        return (serving, known);
    }

    private static async Task<double> IdleCpuAsync(int pid)
    {
        // Each machine is looked at once more a second after it was found: that is not idling yet.
        await Task.Delay(SettleTime, TimeProvider.System);
        var (before, since) = (CpuTicks(pid), TimeProvider.System.GetTimestamp());
        await Task.Delay(IdleTime, TimeProvider.System);
        var seconds = (CpuTicks(pid) - before) / 100.0;   // USER_HZ
        return 100 * seconds / TimeProvider.System.GetElapsedTime(since).TotalSeconds;
    }

    // Fields 14 and 15 of /proc/PID/stat; the name, which may hold spaces, ends with the last bracket.
    private static long CpuTicks(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    }

    private static async Task<List<Pair>> EndsAsync(DaemonProcess daemon)
    {
        using var channel = Open(daemon);
        var machines = new MachineService.MachineServiceClient(channel);
        using var events = new EventService.EventServiceClient(channel).WatchEvents(new());
        while (await events.ResponseStream.MoveNext(CancellationToken.None) && events.ResponseStream.Current.KindCase != WatchEventsResponse.KindOneofCase.SnapshotEnd)
        {
            // How they are is of no interest here.
        }

        var pairs = new List<Pair>();
        for (var i = 0; i < Ends; i++)
        {
            var raw = EndOfChild();
            var machine = (await machines.GetMachineAsync(new() { Machine = string.Create(CultureInfo.InvariantCulture, $"m{i}") })).Machine;
            var since = TimeProvider.System.GetTimestamp();
            Signals.Send(machine.HypervisorPid, Signals.Kill);
            while (await events.ResponseStream.MoveNext(CancellationToken.None) && !(events.ResponseStream.Current.Event is { Exit: not null } end && end.MachineId == machine.Id))
            {
                // Another one's.
            }

            pairs.Add(new(raw, TimeProvider.System.GetElapsedTime(since).TotalMilliseconds));
        }

        return pairs;
    }

    private static double EndOfChild()
    {
        using var cat = new BareProcess("/bin/cat", []);
        var since = TimeProvider.System.GetTimestamp();
        Signals.Send(cat.Pid, Signals.Kill);
        ChildProcess.Wait(cat.Pid);
        return TimeProvider.System.GetElapsedTime(since).TotalMilliseconds;
    }

    private static GrpcChannel Open(DaemonProcess daemon) => VmHostChannel.Open(new VmHostAddress(daemon.Socket));
}
