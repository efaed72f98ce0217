using System.Globalization;
using VmHost.Chaos;
using VmHost.Chaos.Faults;

if (args is [PidReuse.InsideArgument])
{
    var inside = new Tally();
    await new PidReuse(inside).RunInsideAsync();
    return inside.Violations == 0 ? 0 : 1;
}

if (args.FirstOrDefault() is SimulationRun.CountArgument or SimulationRun.MutationsArgument)
    return SimulationRun.Run(args);

// vmhost-chaos [--long] [--seed N] [NAME...]: does faults to a daemon and its machines, and checks after each that all
// rules hold (I1 to I8, see Host). The last line counts; exit code 1 when a rule was broken.
var isLong = args.Contains("--long", StringComparer.Ordinal);
var seedAt = Array.IndexOf(args, "--seed");
var seed = seedAt >= 0 ? int.Parse(args[seedAt + 1], CultureInfo.InvariantCulture) : Environment.TickCount;
string[] names = [.. args.Where((word, at) => !word.StartsWith("--", StringComparison.Ordinal) && (seedAt < 0 || at != seedAt + 1))];

string[] killWorkers = ["a", "b", "c"];
var tally = new Tally();
var scenarios = new Dictionary<string, Func<Task>>(StringComparer.Ordinal)
{
    ["kills"] = () => Task.WhenAll(killWorkers.Select((worker, number) =>
        new RandomKills(tally, worker, seed + number).RunAsync(isLong ? 3400 : 100))),
    ["syscalls"] = () => new SyscallFaults(tally).RunAsync("KILL", most: isLong ? 30 : 1, every: isLong ? 1 : 4),
    ["terminations"] = () => new SyscallFaults(tally).RunAsync("TERM", most: isLong ? 10 : 1, every: isLong ? 1 : 6),
    ["errors"] = () => new RefusedCalls(tally).RunAsync(most: isLong ? 20 : 1, every: isLong ? 1 : 11),
    ["disk"] = () => new FullDisk(tally, seed).RunAsync(isLong ? 200 : 5),
    ["pids"] = () => PidReuse.RunAsync(tally),
    ["cycles"] = () => new Cycles(tally).RunAsync(isLong ? 10_000 : 100),
};

if (names.FirstOrDefault(name => !scenarios.ContainsKey(name)) is { } unknown)
{
    await Console.Error.WriteLineAsync($"chaos: there is no scenario '{unknown}'; there are: {string.Join(", ", scenarios.Keys)}");
    return 2;
}

Console.WriteLine($"seed {seed}");
var begin = TimeProvider.System.GetTimestamp();
var chosen = names.Length > 0 ? names : [.. scenarios.Keys];

// Side by side, so that the processors have something to do while daemons start; the others one after another.
string[] lanes = ["kills", "syscalls", "terminations"];
await Task.WhenAll(lanes.Select(lane => RunAsync(chosen.Where(name => name == lane))).Append(RunAsync(chosen.Except(lanes))));

tally.Print(TimeProvider.System.GetElapsedTime(begin));
Console.WriteLine($"{tally.Faults} faults, {tally.Violations} violations");
return tally.Violations == 0 ? 0 : 1;

async Task RunAsync(IEnumerable<string> lane)
{
    foreach (var name in lane)
    {
        var since = TimeProvider.System.GetTimestamp();
        await scenarios[name]();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"-- {name}: {TimeProvider.System.GetElapsedTime(since).TotalSeconds:0} s"));
    }
}
