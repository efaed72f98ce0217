using System.Globalization;
using System.Text;
using Grpc.Core;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P1: from the call of RunMachine until the hypervisor's main, against posix_spawn of the same program with the same
/// arguments. The hypervisor is the tests' stand-in, which says on its console when it got there.
/// </summary>
internal static class StartOverhead
{
    private const int Pairs = 15;
    private const string Banner = "main at ";

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync(["--qemu", Repository.PublishedFakeHypervisor, .. DaemonProcess.AnyMemory]);
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        var machines = new MachineService.MachineServiceClient(channel);
        var prefix = FakeImages.Write(daemon.Directory, "stub", "console=ttyS0 fake=clock truth=/dev/null");
        var pairs = new List<Pair>();
        var hashOk = true;

        // The first pair warms up: caches, the client's own code.
        for (var i = 0; i <= Pairs; i++)
        {
            var (value, argv) = await RunMachineAsync(channel, machines, prefix, bytes => hashOk &= bytes);
            var raw = Spawn(argv);
            if (i > 0)
                pairs.Add(new(raw, value));
        }

        return [Measurement.Of("P1", "start: RunMachine to the hypervisor's main / posix_spawn", "ms", pairs, "difference", 25, hashOk)];
    }

    private static async Task<(double Milliseconds, IReadOnlyList<string> Argv)> RunMachineAsync(
        ChannelBase channel, MachineService.MachineServiceClient machines, string prefix, Action<bool> bytesOk)
    {
        var since = TimeProvider.System.GetTimestamp();
        await machines.RunMachineAsync(new() { Name = "stub", Spec = new() { Boot = new() { TriplePrefix = prefix } } });
        await machines.WaitMachineAsync(new() { Machine = "stub" });
        var machine = (await machines.GetMachineAsync(new() { Machine = "stub" })).Machine;
        var console = await Consoles.ReadAsync(channel, "stub");
        await machines.DeleteMachineAsync(new() { Machine = "stub" });

        // One line, and nothing besides.
        bytesOk(Parse(console) is { } main && console.AsSpan().SequenceEqual(Encoding.ASCII.GetBytes(Line(main))));
        return (Milliseconds(since, Parse(console)!.Value), machine.Argv);
    }

    private static double Spawn(IReadOnlyList<string> argv)
    {
        using var directory = new TemporaryDirectory();
        using var process = BareProcess.LikeMachine(argv, directory);
        return Milliseconds(process.StartedAt, Parse(process.ReadToEnd()) ?? throw new InvalidDataException("the bare stub did not say when it began"));
    }

    private static string Line(long main) => string.Create(CultureInfo.InvariantCulture, $"{Banner}{main}\r\n");

    private static long? Parse(ReadOnlySpan<byte> console)
    {
        var text = Encoding.ASCII.GetString(console);
        return text.StartsWith(Banner, StringComparison.Ordinal) ? long.Parse(text.AsSpan(Banner.Length).Trim(), CultureInfo.InvariantCulture) : null;
    }

    // One clock for all processes of a host.
    private static double Milliseconds(long since, long until) => TimeProvider.System.GetElapsedTime(since, until).TotalMilliseconds;
}
