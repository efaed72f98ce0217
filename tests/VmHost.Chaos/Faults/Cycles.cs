using System.Globalization;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Chaos.Faults;

/// <summary>Starts and ends over and over: nothing grows with their number, but for the console, which has its cap.</summary>
internal sealed class Cycles(Tally tally)
{
    private const int Side = 2;
    private const int MaxMoreDescriptors = 10;
    private const int MaxMoreThreads = 20;
    private const long MaxMoreMemory = 32L << 20;

    internal async Task RunAsync(int cycles)
    {
        await using var host = await Host.StartAsync(tally, "--console-bytes", "1048576");
        var machines = new List<Victim>();
        for (var i = 0; i < Side; i++)
            machines.Add(await host.CreateAsync($"c{i}", "clock;hang", RestartMode.No));

        await RepeatAsync(host, machines, Math.Max(cycles / 10, 10));
        var before = Look(host);
        await RepeatAsync(host, machines, cycles);
        await host.SettleAsync("start and stop cycles");
        var after = Look(host);

        Console.WriteLine($"   before: {before}");
        Console.WriteLine($"   after:  {after}");
        if (after.Descriptors > before.Descriptors + MaxMoreDescriptors || after.Threads > before.Threads + MaxMoreThreads
            || after.Memory > before.Memory + MaxMoreMemory || after.Files > before.Files + 20 || after.Processes > before.Processes)
        {
            tally.Violation("28", $"something grew with {cycles} cycles, from {before} to {after}");
        }
    }

    private async Task RepeatAsync(Host host, List<Victim> machines, int cycles)
    {
        await Task.WhenAll(machines.Select(async machine =>
        {
            for (var cycle = 0; cycle < cycles / Side; cycle++)
            {
                await host.Machines.KillMachineAsync(new() { Machine = machine.Id });
                await host.Machines.StartMachineAsync(new() { Machine = machine.Id });
                tally.Fault("start and stop cycles");
            }
        }));
    }

    private static Usage Look(Host host)
    {
        var process = $"/proc/{host.Daemon.Pid}";
        var resident = File.ReadLines($"{process}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return new(
            Directory.GetFileSystemEntries($"{process}/fd").Length,
            Directory.GetDirectories($"{process}/task").Length,
            long.Parse(resident, CultureInfo.InvariantCulture) << 10,
            Directory.GetFileSystemEntries(host.Daemon.StateDir, "*", SearchOption.AllDirectories).Length + Directory.GetFileSystemEntries(host.Daemon.RunDir, "*", SearchOption.AllDirectories).Length,
            MarkedProcesses.Find(host.Daemon.Mark).Count);
    }

    private sealed record Usage(int Descriptors, int Threads, long Memory, int Files, int Processes)
    {
        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"{Descriptors} descriptors, {Threads} threads, {Memory / 1e6:0.0} MB resident, {Files} files and sockets, {Processes} processes");
    }
}
