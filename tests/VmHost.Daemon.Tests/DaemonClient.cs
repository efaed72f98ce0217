using System.Text;
using Grpc.Net.Client;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>A client of a test's daemon.</summary>
internal sealed class DaemonClient : IDisposable
{
    // Each machine has files of its own, so that tests may start several at once.
    private static int _images;

    private readonly GrpcChannel _channel;

    internal DaemonClient(DaemonProcess daemon)
    {
        _channel = VmHostChannel.Open(new VmHostAddress(daemon.Socket));
        Machines = new(_channel);
        Console = new(_channel);
        Host = new(_channel);
        Events = new(_channel);
    }

    internal MachineService.MachineServiceClient Machines { get; }

    internal ConsoleService.ConsoleServiceClient Console { get; }

    internal HostService.HostServiceClient Host { get; }

    internal EventService.EventServiceClient Events { get; }

    internal GrpcChannel Channel => _channel;

    internal static MachineSpec Fake(DaemonProcess daemon, string steps) =>
        new() { Boot = new() { TriplePrefix = FakeImages.Write(daemon.Directory, $"img{Interlocked.Increment(ref _images)}", $"console=ttyS0 fake={steps}") } };

    internal async Task<Machine> RunAsync(DaemonProcess daemon, string name, string steps) =>
        (await Machines.RunMachineAsync(new() { Name = name, Spec = Fake(daemon, steps) })).Machine;

    internal async Task<Machine> GetAsync(string machine) => (await Machines.GetMachineAsync(new() { Machine = machine })).Machine;

    internal async Task<Machine> WaitAsync(string machine) =>
        (await Machines.WaitMachineAsync(new() { Machine = machine }, deadline: Deadline)).Machines[0];

    /// <summary>The whole console until the machine ends.</summary>
    internal async Task<byte[]> FollowAsync(string machine)
    {
        var all = new MemoryStream();
        // Longer than the default: where the daemon is killed over and over, it is away most of the time.
        var reader = new ResumingConsole(Console, TimeProvider.System) { GiveUpAfter = TimeSpan.FromSeconds(60) };
        await foreach (var chunk in reader.ReadAsync(new() { Machine = machine, Offset = 0, Follow = true }, TestContext.Current.CancellationToken))
        {
            Assert.Equal(0, chunk.GapBytes);
            Assert.Equal(all.Length, chunk.Offset);
            all.Write(chunk.Data.Span);
        }

        return all.ToArray();
    }

    /// <summary>Returns when the console held the text.</summary>
    internal async Task ConsoleShowsAsync(string machine, string text)
    {
        var seen = new StringBuilder();
        using var call = Console.ReadConsole(new() { Machine = machine, Follow = true }, deadline: Deadline);
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            seen.Append(call.ResponseStream.Current.Data.ToString(Encoding.Latin1));
            if (seen.ToString().Contains(text, StringComparison.Ordinal))
                return;
        }

        Assert.Fail($"the console ended without '{text}':\n{seen}");
    }

    internal static byte[] Truth(DaemonProcess daemon, Machine machine) =>
        File.ReadAllBytes(Path.Combine(daemon.MachineDirectory(machine.Id), "truth.bin"));

    internal static DateTime Deadline => TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(60);

    public void Dispose() => _channel.Dispose();
}
