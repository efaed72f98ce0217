using System.Globalization;
using Grpc.Core;
using Grpc.Net.Client;
using VmHost.Client;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Chaos;

/// <summary>A daemon on the stand-in, its client, and the rules that hold whatever is done to it.</summary>
internal sealed class Host : IAsyncDisposable
{
    private static readonly TimeSpan SettleLimit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    // A connection a daemon: one that is broken would tell of the daemon before.
    private GrpcChannel _channel;
    private int _images;

    private Host(DaemonProcess daemon, Tally tally)
    {
        (Daemon, Tally) = (daemon, tally);
        _channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
    }

    internal DaemonProcess Daemon { get; }

    internal Tally Tally { get; }

    internal MachineService.MachineServiceClient Machines => new(_channel);

    private static string[] Common => ["--qemu", Repository.PublishedFakeHypervisor, .. DaemonProcess.AnyMemory];

    internal static async Task<Host> StartAsync(Tally tally, params string[] options) =>
        new(await DaemonProcess.StartPublishedAsync([.. Common, .. options]), tally);

    /// <summary>The state directory is on a disk of its own of this size (3m).</summary>
    internal static async Task<Host> StartOnDiskAsync(Tally tally, string size) =>
        new(await DaemonProcess.StartPublishedOnSmallDiskAsync(size, Common), tally);

    internal MachineSpec Spec(string steps) =>
        new() { Boot = new() { TriplePrefix = FakeImages.Write(Daemon.Directory, string.Create(CultureInfo.InvariantCulture, $"i{++_images}"), $"console=ttyS0 fake={steps}") }, MemoryBytes = 64 << 20 };

    internal async Task<Victim> CreateAsync(string name, string steps, RestartMode restart) =>
        new((await Machines.RunMachineAsync(new() { Name = name, Spec = Spec(steps), RestartPolicy = new() { Mode = restart } })).Machine);

    internal async Task<IReadOnlyList<Machine>> ListAsync() => (await Machines.ListMachinesAsync(new(), deadline: Deadline)).Machines;

    internal async Task<Machine?> FindAsync(string id)
    {
        try
        {
            return (await Machines.GetMachineAsync(new() { Machine = id }, deadline: Deadline)).Machine;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>kill -9, and the next one at once. Rule I6: it serves within 5 s.</summary>
    internal async Task KillDaemonAsync()
    {
        await Daemon.KillAsync();
        await RestartAsync();
    }

    /// <summary>The next daemon, after one that died.</summary>
    internal async Task RestartAsync()
    {
        var since = TimeProvider.System.GetTimestamp();
        await Daemon.StartAsync();
        _channel.Dispose();
        _channel = VmHostChannel.Open(new VmHostAddress(Daemon.Socket));
        await ListAsync();
        var took = TimeProvider.System.GetElapsedTime(since);
        Tally.Recovered(took);
        if (took > Patience.Of(RecoveryLimit))
            Tally.Violation("I6", string.Create(CultureInfo.InvariantCulture, $"the daemon took {took.TotalSeconds:0.0} s to serve again"));
    }

    /// <summary>Returns when the daemon that runs has looked at every machine.</summary>
    /// <exception cref="RpcException">It died.</exception>
    internal async Task AdoptedAsync()
    {
        using var channel = VmHostChannel.Open(new VmHostAddress(Daemon.Socket));
        var machines = new MachineService.MachineServiceClient(channel);
        while ((await machines.ListMachinesAsync(new(), deadline: Deadline)).Machines.Any(machine => machine.State == MachineState.Unknown))
            await Task.Delay(Look, TimeProvider.System);
    }

    /// <summary>
    /// Waits until every machine is something in particular, and nothing runs that should not: rules I1 (no orphan), I2 (none
    /// runs twice), I5 (none is half), I7 (no litter).
    /// </summary>
    /// <param name="after">The fault, for people.</param>
    /// <param name="ended">A machine and the number of its boot that the fault ended; null where it ended none.</param>
    /// <param name="litter">Whether half-written files may be there: until the next start, where the disk refused to remove them.</param>
    internal async Task SettleAsync(string after, (string Id, int Boot)? ended = null, bool litter = false)
    {
        var since = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var problem = await ProblemAsync(ended, litter);
            if (problem is null)
                return;

            if (TimeProvider.System.GetElapsedTime(since) > Patience.Of(SettleLimit))
            {
                Tally.Violation(problem.Value.Rule, $"after {after}: {problem.Value.What}\n{string.Join('\n', Daemon.Log.Split('\n').TakeLast(25))}");
                return;
            }

            await Task.Delay(Look, TimeProvider.System);
        }
    }

    private async Task<(string Rule, string What)?> ProblemAsync((string Id, int Boot)? ended, bool mayLitter)
    {
        var machines = await ListAsync();
        if (ended is { } end && machines.FirstOrDefault(machine => machine.Id == end.Id) is { } killed && !(killed.LastExit?.Boot >= end.Boot))
            return ("truth", $"boot {end.Boot} of {killed.Name} was killed, and it is {killed.State}");
        if (machines.FirstOrDefault(machine => machine.State is MachineState.Unknown or MachineState.Starting or MachineState.Stopping) is { } half)
            return ("I5", $"{half.Name} is {half.State}: {half.StateDetail}");
        if (machines.FirstOrDefault(machine => machine.State == MachineState.Failed && machine.StateDetail.Length == 0) is { } mute)
            return ("I5", $"{mute.Name} failed and says not why");

        var expected = machines.Where(machine => machine.HasHypervisorPid).SelectMany(machine => new[] { machine.HypervisorPid, machine.ShimPid }).Append(Daemon.Pid).ToHashSet();
        var alive = MarkedProcesses.Find(Daemon.Mark);
        if (alive.FirstOrDefault(pid => !expected.Contains(pid)) is var orphan and not 0)
            return ("I1", $"process {MarkedProcesses.Describe(orphan)} is no machine's");
        if (machines.FirstOrDefault(machine => machine.HasHypervisorPid && !alive.Contains(machine.HypervisorPid)) is { } dead)
            return ("I5", $"{dead.Name} is {dead.State}, and its hypervisor {dead.HypervisorPid} is dead");

        // Who is at rest holds no lock, and who runs does: then none can be started twice.
        foreach (var machine in machines)
        {
            var held = FileLock.IsHeld(Path.Combine(Daemon.MachineDirectory(machine.Id), "lock"));
            if (held != machine.HasHypervisorPid)
                return ("I2", $"{machine.Name} is {machine.State}, and its lock is {(held ? "held" : "free")}");
        }

        if (mayLitter)
            return null;

        var litter = Directory.EnumerateFiles(Daemon.VisibleStateDir, "*.new", SearchOption.AllDirectories).FirstOrDefault();
        return litter is null ? null : ("I7", $"{litter} was left behind");
    }

    internal static DateTime Deadline => TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(30);

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await Daemon.DisposeAsync();
    }
}
