using VmHost.Benchmarks;

// vmhost-bench NAME...: each benchmark prints its rows and writes artifacts/bench/NAME.json. `scripts/bench` builds and
// publishes what is measured and runs this.
if (args is [BareStream.ServerArgument, var socket, var file])
{
    await BareStream.ServeAsync(socket, file);
    return 0;
}

var benchmarks = new Dictionary<string, Func<Task<IReadOnlyList<Measurement>>>>(StringComparer.Ordinal)
{
    ["start"] = StartOverhead.RunAsync,
    ["first-byte"] = FirstConsoleByte.RunAsync,
    ["memory"] = MemoryUse.RunAsync,
    ["console"] = ConsoleRates.RunAsync,
    ["keys"] = KeystrokeEcho.RunAsync,
    ["followers"] = FollowerMemory.RunAsync,
    ["many"] = ManyMachines.RunAsync,
    ["list"] = ListedMachines.RunAsync,
    ["build"] = LinuxKitBuild.RunAsync,
};

var unknown = args.Where(name => !benchmarks.ContainsKey(name)).ToList();
if (unknown.Count > 0)
{
    await Console.Error.WriteLineAsync($"bench: there is no benchmark '{unknown[0]}'; there are: {string.Join(", ", benchmarks.Keys)}");
    return 2;
}

var sound = true;
foreach (var name in args.Length > 0 ? args : [.. benchmarks.Keys])
{
    Console.WriteLine($"-- {name}, load average {LoadAverage()}");
    var rows = await benchmarks[name]();
    Report.Print(rows);
    await Report.WriteAsync(name, rows);
    sound &= rows.All(row => row.HashOk != false);
}

// Lost or changed bytes are a failure whatever the figures; a missed aim is a finding, which the table shows.
return sound ? 0 : 1;

static string LoadAverage() => string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3]);
