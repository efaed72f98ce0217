using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Grpc.Core;
using VmHost.Daemon.Api;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;
using ErrorReason = VmHost.Specs.ErrorReason;

namespace VmHost.Daemon.Tests;

/// <summary>
/// Every reason of an error, provoked at a real daemon where that can be done: its status, its ErrorInfo, and the detail beside it.
/// </summary>
public sealed class ErrorReasonTests : IAsyncLifetime
{
    private static readonly Dictionary<ErrorReason, Func<ErrorReasonTests, Task>> Provoked = new()
    {
        [ErrorReason.InvalidField] = static one => one.RunAsync("Not a name", "hang"),
        [ErrorReason.RequestTooLarge] = static one => one._client.Console.WriteConsoleAsync(new() { Machine = "m", Data = ByteString.CopyFrom(new byte[300 << 10]) }).ResponseAsync,
        [ErrorReason.RequestIdReused] = static async one =>
        {
            await one._client.Machines.CreateMachineAsync(new() { Name = "a", Spec = one.Fake("hang"), RequestId = "same" });
            await one._client.Machines.CreateMachineAsync(new() { Name = "b", Spec = one.Fake("hang"), RequestId = "same" });
        },
        [ErrorReason.MachineNotFound] = static one => one._client.GetAsync("nobody"),
        [ErrorReason.MachineAmbiguous] = static one => one.AmbiguousAsync(),
        [ErrorReason.NameTaken] = static async one =>
        {
            await one.RunAsync("taken", "hang");
            await one.RunAsync("taken", "hang");
        },
        [ErrorReason.MachineRunning] = static async one =>
        {
            await one.RunAsync("runs", "hang");
            await one._client.Machines.DeleteMachineAsync(new() { Machine = "runs" });
        },
        [ErrorReason.MachineNotRunning] = static async one =>
        {
            await one._client.Machines.CreateMachineAsync(new() { Name = "rests", Spec = one.Fake("hang") });
            await one._client.Machines.PauseMachineAsync(new() { Machine = "rests" });
        },
        [ErrorReason.MachineBusy] = static async one =>
        {
            await one.RunAsync("busy", "ready;ignorepower;hang");
            var halting = one._client.Machines.HaltMachineAsync(new() { Machine = "busy" });
            await Eventually.TrueAsync(async () => (await one._client.GetAsync("busy")).State == MachineState.Stopping, "it is being stopped");
            await one._client.Machines.StartMachineAsync(new() { Machine = "busy" });
            await halting;
        },
        [ErrorReason.MachineStateUnknown] = static async one =>
        {
            var machine = await one.RunAsync("silent", "hang");
            await one._daemon.KillAsync();
            Signals.Send(machine.ShimPid, Signals.Stop);
            await one._daemon.StartAsync();
            try
            {
                await one._client.Machines.StartMachineAsync(new() { Machine = "silent" });
            }
            finally
            {
                Signals.Send(machine.ShimPid, Signals.Kill);
            }
        },
        [ErrorReason.RecordUnreadable] = static async one =>
        {
            var machine = (await one._client.Machines.CreateMachineAsync(new() { Name = "torn", Spec = one.Fake("hang") })).Machine;
            await one._daemon.StopAsync();
            await File.WriteAllTextAsync(Path.Combine(one._daemon.MachineDirectory(machine.Id), "machine.json"), "{", Ct);
            await one._daemon.StartAsync();
            await one._client.Machines.StartMachineAsync(new() { Machine = machine.Id });
        },
        [ErrorReason.Superseded] = static async one =>
        {
            await one.RunAsync("overruled", "ready;ignorepower;hang");
            var restarting = one._client.Machines.RestartMachineAsync(new() { Machine = "overruled" });
            await Eventually.TrueAsync(async () => (await one._client.GetAsync("overruled")).State == MachineState.Stopping, "it is being stopped");
            await one._client.Machines.KillMachineAsync(new() { Machine = "overruled" });
            await restarting;
        },
        [ErrorReason.EtagMismatch] = static async one =>
        {
            await one._client.Machines.CreateMachineAsync(new() { Name = "stale", Spec = one.Fake("hang") });
            await one._client.Machines.UpdateMachineAsync(new() { Machine = "stale", Labels = { ["a"] = "b" }, Etag = "r99" });
        },
        [ErrorReason.GracePeriodExceeded] = static async one =>
        {
            await one.RunAsync("stays", "ready;ignorepower;hang");
            await one._client.Machines.HaltMachineAsync(new() { Machine = "stays", Grace = new(), OnTimeout = HaltTimeoutAction.Fail });
        },
        [ErrorReason.HypervisorUnsupported] = static one =>
        {
            var spec = one.Fake("hang");
            spec.Networks.Add(new Network { Mode = NetworkMode.Vpnkit, VpnkitSocket = one._daemon.Socket });
            spec.Hypervisor = HypervisorKind.Qemu;
            return one._client.Machines.CreateMachineAsync(new() { Spec = spec }).ResponseAsync;
        },
        [ErrorReason.HypervisorUnavailable] = static one =>
        {
            var spec = one.Fake("hang");
            spec.Hypervisor = HypervisorKind.Vfkit;
            return one._client.Machines.RunMachineAsync(new() { Spec = spec }).ResponseAsync;
        },
        [ErrorReason.HypervisorFailed] = static one => one.RunAsync("fails", "exit:1"),
        [ErrorReason.FileUnusable] = static async one =>
        {
            var spec = one.Fake("hang");
            var machine = (await one._client.Machines.CreateMachineAsync(new() { Name = "bare", Spec = spec })).Machine;
            File.Delete(machine.Spec.Boot.KernelPath);
            await one._client.Machines.StartMachineAsync(new() { Machine = "bare" });
        },
        [ErrorReason.ResourceInUse] = static async one =>
        {
            using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
            taken.Start();
            var spec = one.Fake("hang");
            spec.PublishedPorts.Add(new PublishedPort { HostPort = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port, GuestPort = 80 });
            await one._client.Machines.RunMachineAsync(new() { Spec = spec });
        },
        [ErrorReason.MachineLimit] = static async one =>
        {
            for (var i = 0; i <= MaxMachines; i++)
                await one._client.Machines.CreateMachineAsync(new() { Spec = one.Fake("hang") });
        },
        [ErrorReason.MemoryLimit] = static async one =>
        {
            var spec = one.Fake("hang");
            spec.MemoryBytes = 500L << 30;
            await one._client.Machines.RunMachineAsync(new() { Spec = spec });
            await one._client.Machines.RunMachineAsync(new() { Spec = spec });
        },
        [ErrorReason.ConsoleWriterConflict] = static async one =>
        {
            await one.RunAsync("typed", "ready;echo");
            await using var ann = await AttachedClient.OpenAsync(one._client.Console, "typed");
            await one._client.Console.WriteConsoleAsync(new() { Machine = "typed", Data = ByteString.CopyFromUtf8("x") });
        },
        [ErrorReason.ConsoleNoMatch] = static async one =>
        {
            await one.RunAsync("mute", "ready;hang");
            await one._client.Console.ExpectConsoleAsync(new() { Machine = "mute", Pattern = "never", PastOnly = true });
        },
        [ErrorReason.OutOfRange] = static async one =>
        {
            await one.RunAsync("short", "ready;hang");
            using var call = one._client.Console.ReadConsole(new() { Machine = "short", Offset = 1 << 30 });
            await call.ResponseStream.MoveNext(Ct);
        },
        [ErrorReason.DaemonStopping] = static async one =>
        {
            await one.RunAsync("waits", "ready;hang");
            var waiting = one._client.Machines.WaitMachineAsync(new() { Machine = "waits" });
            await one._client.GetAsync("waits");
            await one._daemon.StopAsync();
            await waiting;
        },
        [ErrorReason.StateDirectoryLost] = static async one =>
        {
            var moved = one.StateDirectory + ".moved";
            Directory.Move(one.StateDirectory, moved);
            try
            {
                await one.RunAsync("lost", "hang");
            }
            finally
            {
                if (Directory.Exists(one.StateDirectory))
                    Directory.Delete(one.StateDirectory, recursive: true);
                Directory.Move(moved, one.StateDirectory);
            }
        },
    };

    private const int MaxMachines = 20;

    // Those that no test can provoke from outside without a fault of the host, or which other tests provoke.
    private static readonly Dictionary<ErrorReason, string> NotProvoked = new()
    {
        [ErrorReason.Unspecified] = "never sent",
        [ErrorReason.MalformedRequest] = "MalformedRequestTests",
        [ErrorReason.PeerRefused] = "HostileClientsTests, or needs another user",
        [ErrorReason.ShimUnreachable] = "a moment between two examinations",
        [ErrorReason.RequestLimit] = "MachineLoopTests: the mailbox takes 1,024 requests",
        [ErrorReason.DiskSpaceLow] = "FullDiskTests",
        [ErrorReason.HostIoError] = "FullDiskTests, chaos",
        [ErrorReason.HostAccessDenied] = "needs a daemon that is not root",
        [ErrorReason.HostTimeout] = "needs a file system that hangs",
        [ErrorReason.JournalUnreadable] = "needs a disk that fails",
        [ErrorReason.Cancelled] = "the client does not read it",
        [ErrorReason.NotPossibleNow] = "the terminal refuses a size or input",
        [ErrorReason.Internal] = "a defect",
    };

    private DaemonProcess _daemon = null!;
    private DaemonClient _client = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public static TheoryData<ErrorReason> Reasons => [.. Provoked.Keys];

    public async ValueTask InitializeAsync()
    {
        _daemon = await DaemonProcess.StartOnFakeAsync(["--max-machines", MaxMachines.ToString(CultureInfo.InvariantCulture)]);
        _client = new DaemonClient(_daemon);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _daemon.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Reasons))]
    public async Task A_reason_comes_with_its_status_and_details(ErrorReason reason)
    {
        var failed = await Assert.ThrowsAsync<RpcException>(() => Provoked[reason](this));

        var status = failed.GetRpcStatus();
        Assert.NotNull(status);
        var info = status.GetDetail<ErrorInfo>();
        Assert.NotNull(info);
        Assert.Equal((ErrorDetails.Domain, ErrorDetails.NameOf(reason)), (info.Domain, info.Reason));
        var types = TypeRegistry.FromFiles(ErrorDetailsReflection.Descriptor);
        var details = status.Details.Select(detail => types.Find(Google.Protobuf.WellKnownTypes.Any.GetTypeName(detail.TypeUrl))?.Name ?? detail.TypeUrl);
        var golden = $"{info.Reason}: {failed.StatusCode}; {string.Join(", ", info.Metadata.Keys.Order(StringComparer.Ordinal))}; {string.Join(", ", details.Order(StringComparer.Ordinal))}";
        Assert.Equal(Golden.Single(line => line.StartsWith($"{info.Reason}:", StringComparison.Ordinal)), golden);
    }

    [Fact]
    public void Every_reason_is_provoked_or_said_why_not_and_is_in_the_golden_file_and_the_documentation()
    {
        var documented = File.ReadAllText(Path.Combine(Repository.Root, "docs", "api", "errors.md"));
        foreach (var reason in Enum.GetValues<ErrorReason>())
        {
            Assert.True(Provoked.ContainsKey(reason) != NotProvoked.ContainsKey(reason), $"{reason}: in one of both");
            if (reason != ErrorReason.Unspecified)
                Assert.Contains($"| `{ErrorDetails.NameOf(reason)}` |", documented, StringComparison.Ordinal);
        }

        Assert.Equal(Provoked.Keys.Select(ErrorDetails.NameOf).Order(StringComparer.Ordinal), Golden.Select(static line => line.Split(':')[0]));
    }

    private static string[] Golden => File.ReadAllLines(Path.Combine(Repository.Root, "tests", "golden", "errors.txt"));

    private string StateDirectory => Path.GetDirectoryName(Path.GetDirectoryName(_daemon.MachineDirectory("x")))!;

    private MachineSpec Fake(string steps) => DaemonClient.Fake(_daemon, steps);

    private Task<Machine> RunAsync(string name, string steps) => _client.RunAsync(_daemon, name, steps);

    // Of seventeen ids two begin with the same digit.
    private async Task AmbiguousAsync()
    {
        var ids = new List<string>();
        for (var i = 0; i < 17; i++)
            ids.Add((await _client.Machines.CreateMachineAsync(new() { Spec = Fake("hang") })).Machine.Id);

        await _client.GetAsync(ids.GroupBy(static id => id[..1]).First(static group => group.Count() > 1).Key);
    }
}
