using Grpc.Core;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Benchmarks;

/// <summary>
/// P2: from the call of RunMachine until a client has the first console byte, against QEMU started by hand with the
/// same arguments. The guest is a real kernel; it then writes all byte values, which both sides must have received.
/// </summary>
internal static class FirstConsoleByte
{
    private const int Pairs = 15;

    private static readonly byte[] AllValues = [.. Enumerable.Repeat(Enumerable.Range(0, 256).Select(value => (byte)value), 16).SelectMany(values => values)];

    internal static async Task<IReadOnlyList<Measurement>> RunAsync()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        using var channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        var machines = new MachineService.MachineServiceClient(channel);
        var pairs = new List<Pair>();
        var hashOk = true;

        // The first pair warms up: the page cache, the client's own code.
        for (var i = 0; i <= Pairs; i++)
        {
            var (value, vmhost, argv) = await RunMachineAsync(channel, machines);
            var (raw, bare) = RunBare(argv);
            hashOk &= HasAllValues("vmhost", vmhost);
            hashOk &= HasAllValues("bare", bare);
            if (i > 0)
                pairs.Add(new(raw, value));
        }

        return [Measurement.Of("P2", "first console byte: RunMachine to client / bare QEMU", "ms", pairs, "ratio", 1.02, hashOk)];
    }

    private static async Task<(double Milliseconds, byte[] Console, IReadOnlyList<string> Argv)> RunMachineAsync(
        ChannelBase channel, MachineService.MachineServiceClient machines)
    {
        var spec = new MachineSpec
        {
            Boot = new() { TriplePrefix = Path.Combine(Repository.Images, "testguest"), CommandLine = "console=ttyS0 vmhost.test=bytes,poweroff" },
            MemoryBytes = 128 << 20,
        };

        var since = TimeProvider.System.GetTimestamp();
        await machines.RunMachineAsync(new() { Name = "first", Spec = spec });
        var first = 0.0;
        var console = await Consoles.ReadAsync(channel, "first", () => first = TimeProvider.System.GetElapsedTime(since).TotalMilliseconds);
        var machine = (await machines.GetMachineAsync(new() { Machine = "first" })).Machine;
        await machines.DeleteMachineAsync(new() { Machine = "first", Force = true });
        return (first, console, machine.Argv);
    }

    private static (double Milliseconds, byte[] Console) RunBare(IReadOnlyList<string> argv)
    {
        using var directory = new TemporaryDirectory();
        using var process = BareProcess.LikeMachine(argv, directory);
        var console = process.ReadToEnd();
        return (TimeProvider.System.GetElapsedTime(process.StartedAt, process.FirstByteAt).TotalMilliseconds, console);
    }

    // One that has not is kept, to be looked at.
    private static bool HasAllValues(string side, byte[] console)
    {
        if (console.AsSpan().IndexOf(AllValues) >= 0)
            return true;

        Report.Keep($"first-byte-{side}.bin", console);
        return false;
    }
}
