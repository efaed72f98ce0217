using System.Globalization;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P7 and P8: what one machine costs beside its hypervisor (the shim, against <c>cat</c> on a terminal), and what the
/// daemon holds when it does nothing.
/// </summary>
internal static class MemoryUse
{
    private const int Machines = 15;

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync(["--qemu", Repository.PublishedFakeHypervisor, .. DaemonProcess.AnyMemory]);
        var idle = Megabytes(daemon.Pid, "Rss");
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        var machines = new MachineService.MachineServiceClient(channel);
        var prefix = FakeImages.Write(daemon.Directory, "stub", "console=ttyS0 fake=banner;hang");

        var shims = new List<int>();
        for (var i = 0; i < Machines; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"m{i}");
            var run = await machines.RunMachineAsync(new() { Name = name, Spec = new() { Boot = new() { TriplePrefix = prefix } } });
            shims.Add(run.Machine.ShimPid);
        }

        var cats = Enumerable.Range(0, Machines).Select(_ => new BareProcess("/bin/cat", [])).ToList();
        var pss = shims.Zip(cats, (shim, cat) => new Pair(Megabytes(cat.Pid, "Pss"), Megabytes(shim, "Pss"))).ToList();
        var own = shims.Zip(cats, (shim, cat) => new Pair(Own(cat.Pid), Own(shim))).ToList();
        var busy = Megabytes(daemon.Pid, "Rss");
        foreach (var cat in cats)
        {
            Posix.Signals.Send(cat.Pid, Posix.Signals.Kill);
            cat.ReadToEnd();
            cat.Dispose();
        }

        return
        [
            Measurement.Of("P7", "shim, PSS, 15 machines / cat on a terminal", "MB", pss, "value", 0.6, null),
            Measurement.Of("P7-own", "shim, memory of its own (private) / cat on a terminal", "MB", own, "value", 0.6, null),
            Measurement.Alone("P8", "daemon, RSS, idle after its start", "MB", [idle], 30),
            Measurement.Alone("P8-15", "daemon, RSS, after 15 starts, 15 machines running", "MB", [busy], 60),
        ];
    }

    private static double Own(int pid) => Megabytes(pid, "Private_Clean") + Megabytes(pid, "Private_Dirty");

    internal static double Megabytes(int pid, string field)
    {
        var line = File.ReadLines($"/proc/{pid}/smaps_rollup").First(line => line.StartsWith(field + ':', StringComparison.Ordinal));
        return int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024 / 1e6;
    }
}
