using System.Globalization;
using Google.Protobuf;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>P15: a list of 2,000 machines that have ended, each with the tails of its console and its hypervisor, against a call of a server that does nothing.</summary>
internal static class ListedMachines
{
    private const int Machines = 2000;
    private const int Pairs = 20;

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync(["--qemu", Repository.PublishedFakeHypervisor, "--max-machines", "3000", .. DaemonProcess.AnyMemory]);
        await EndOneAsync(daemon);
        await daemon.StopAsync();
        Multiply(daemon);
        await daemon.StartAsync();

        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        var machines = new MachineService.MachineServiceClient(channel);
        var nothing = Path.Combine(daemon.Directory, "nothing");
        await File.WriteAllBytesAsync(nothing, []);
        using var server = await BareStream.StartAsync(nothing);
        var bare = new ConsoleService.ConsoleServiceClient(server.Channel);

        var (first, all, full) = (new List<Pair>(), new List<Pair>(), new List<Pair>());
        for (var i = 0; i <= Pairs; i++)
        {
            var raw = Time(() => bare.WriteConsole(new() { Data = ByteString.Empty }));
            var one = Time(() => machines.ListMachines(new()));
            var (pages, basic) = Timed(() => List(machines, MachineView.Basic));
            var (_, whole) = Timed(() => List(machines, MachineView.Full));
            if (pages.Count != Machines)
                throw new InvalidOperationException($"{pages.Count} machines were listed");
            if (i == 0)
                continue;   // both are cold

            first.Add(new(raw, one));
            all.Add(new(raw, basic));
            full.Add(new(raw, whole));
        }

        return
        [
            Measurement.Of("P15", "first page (1,000) of 2,000 ended machines / a call of a server that does nothing", "ms", first, "value", 20, null),
            Measurement.Of("P15-all", "all pages of 2,000 ended machines / the same", "ms", all, "value", 40, null),
            Measurement.Of("P15-full", "all pages, view FULL / the same", "ms", full, "value", 400, null),
        ];
    }

    private static async Task EndOneAsync(DaemonProcess daemon)
    {
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        var machines = new MachineService.MachineServiceClient(channel);
        var prefix = FakeImages.Write(daemon.Directory, "ended", "console=ttyS0 fake=lines:200;stderr:said");
        await machines.RunMachineAsync(new() { Name = "m0000", Spec = new() { Boot = new() { TriplePrefix = prefix } } });
        await machines.WaitMachineAsync(new() { Machine = "m0000" });
    }

    // As many directories as there are to be machines, which differ in id and name.
    private static void Multiply(DaemonProcess daemon)
    {
        var all = Path.GetDirectoryName(daemon.MachineDirectory("x"))!;
        var template = Directory.GetDirectories(all).Single();
        var id = Path.GetFileName(template);
        var record = File.ReadAllText(Path.Combine(template, "machine.json"));
        for (var number = 1; number < Machines; number++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"m{number:0000}");
            var copy = string.Create(CultureInfo.InvariantCulture, $"{number:x12}");
            Directory.CreateDirectory(Path.Combine(all, copy), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var file = Path.Combine(all, copy, "machine.json");
            File.WriteAllText(file, record.Replace(id, copy, StringComparison.Ordinal).Replace("\"m0000\"", $"\"{name}\"", StringComparison.Ordinal));
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private static List<Machine> List(MachineService.MachineServiceClient machines, MachineView view)
    {
        var all = new List<Machine>();
        var request = new ListMachinesRequest { View = view };
        do
        {
            var page = machines.ListMachines(request);
            all.AddRange(page.Machines);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);

        return all;
    }

    private static double Time(Action action) => Timed(() =>
    {
        action();
        return 0;
    }).Milliseconds;

    private static (T Result, double Milliseconds) Timed<T>(Func<T> action)
    {
        var since = TimeProvider.System.GetTimestamp();
        var result = action();
        return (result, TimeProvider.System.GetElapsedTime(since).TotalMilliseconds);
    }
}
