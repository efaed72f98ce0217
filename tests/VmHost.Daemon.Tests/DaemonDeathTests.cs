using System.Net.Sockets;
using Grpc.Core;
using VmHost.Client;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

public sealed class DaemonDeathTests
{
    [Fact]
    public async Task Twenty_kills_of_the_daemon_lose_no_machine_and_no_byte()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        Machine machine;
        using (var first = new DaemonClient(daemon))
            machine = await first.RunAsync(daemon, "survivor", "lines:100000:500");

        // A follower that goes through all of it, as `vmctl logs -f` does.
        using var client = new DaemonClient(daemon);
        var following = client.FollowAsync("survivor");

        var random = new Random(20);
        for (var kill = 1; kill <= 20; kill++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(50)), TimeProvider.System, CancellationToken.None);
            await daemon.KillAsync();
            await daemon.StartAsync();
            var state = await client.GetAsync("survivor");
            Assert.True(state.State is MachineState.Running or MachineState.Unknown, $"after kill {kill}: {state.State} {state.StateDetail}");
        }

        await Eventually.TrueAsync(async () => (await client.GetAsync("survivor")).State == MachineState.Running, "the machine is adopted");
        Assert.Equal(machine.HypervisorPid, (await client.GetAsync("survivor")).HypervisorPid);
        await client.Machines.HaltMachineAsync(new() { Machine = "survivor" });
        var console = await following.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System);

        var truth = DaemonClient.Truth(daemon, machine);
        Assert.True(console.Length >= truth.Length - 4096 && console.Length <= truth.Length, $"{console.Length} of {truth.Length} bytes");
        Assert.Equal(truth[..console.Length], console);
        Assert.Equal(ExitReason.PowerOff, (await client.GetAsync("survivor")).LastExit.Reason);
    }

    [Fact]
    public async Task An_exit_while_the_daemon_is_away_is_told_with_its_code_and_reason()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var crashed = await client.RunAsync(daemon, "crashed", "banner;sleep:300;exit:7");
        var off = await client.RunAsync(daemon, "off", "banner;sleep:300");

        await daemon.KillAsync();
        await Eventually.TrueAsync(() => ProcessIdentity.StartTime(crashed.ShimPid) is null && ProcessIdentity.StartTime(off.ShimPid) is null, "both shims ended");
        await daemon.StartAsync();

        var exit = (await client.WaitAsync("crashed")).LastExit;
        Assert.Equal((ExitReason.HypervisorError, 7), (exit.Reason, exit.Code));
        Assert.Equal(ExitReason.PowerOff, (await client.WaitAsync("off")).LastExit.Reason);
    }

    [Fact]
    public async Task Somebody_who_left_the_monitor_without_a_greeting_does_not_hide_why_the_guest_ended()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "muted", "banner;echo");
        await client.ConsoleShowsAsync("muted", "fakehv ready");

        await daemon.KillAsync();
        using (var stranger = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await stranger.ConnectAsync(new UnixDomainSocketEndPoint(Path.Combine(daemon.RunDir, machine.Id, "qmp.sock")));
            await stranger.ReceiveAsync(new byte[100]);
        }

        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await client.GetAsync("muted")).State == MachineState.Running, "the machine is adopted");
        await client.Console.WriteConsoleAsync(new() { Machine = "muted", Data = Google.Protobuf.ByteString.CopyFromUtf8("exit\n") });

        Assert.Equal(ExitReason.PowerOff, (await client.WaitAsync("muted")).LastExit.Reason);
    }

    [Fact]
    public async Task A_wait_goes_on_over_the_death_of_the_daemon()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "awaited", "banner;echo");
        var wait = new ResumingWait(client.Machines, TimeProvider.System).WaitAsync("awaited", TestContext.Current.CancellationToken);

        await daemon.KillAsync();
        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await client.GetAsync("awaited")).State == MachineState.Running, "the machine is adopted");
        Assert.False(wait.IsCompleted);
        await client.Console.WriteConsoleAsync(new() { Machine = "awaited", Data = Google.Protobuf.ByteString.CopyFromUtf8("exit\n") });

        Assert.Equal(ExitReason.PowerOff, (await wait.WaitAsync(TimeSpan.FromSeconds(60), TimeProvider.System)).LastExit.Reason);
    }

    [Fact]
    public async Task A_killed_shim_takes_the_hypervisor_along_and_the_machine_failed()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "orphan", "banner;hang");

        Signals.Send(machine.ShimPid, Signals.Kill);

        var ended = await client.WaitAsync("orphan");
        Assert.Equal((MachineState.Failed, ExitReason.ShimLost), (ended.State, ended.LastExit.Reason));
        Assert.Null(ProcessIdentity.StartTime(machine.HypervisorPid));
    }

    [Fact]
    public async Task A_silent_shim_makes_the_machine_unknown_and_only_an_explicit_kill_ends_it()
    {
        Assert.SkipWhen(Repository.IsShimEmulated, "qemu-user invents the shim's own /proc/PID/stat: its recorded start time proves nothing");

        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "silent", "banner;hang");
        const int stop = 19;

        await daemon.KillAsync();
        Signals.Send(machine.ShimPid, stop);
        await daemon.StartAsync();
        await Eventually.TrueAsync(async () => (await client.GetAsync("silent")).StateDetail.StartsWith("shim-silent", StringComparison.Ordinal), "it is unknown");

        Assert.NotNull(ProcessIdentity.StartTime(machine.HypervisorPid));
        var halt = await Assert.ThrowsAsync<RpcException>(async () => await client.Machines.HaltMachineAsync(new() { Machine = "silent" }));
        Assert.Equal(StatusCode.FailedPrecondition, halt.StatusCode);

        var killed = await client.Machines.KillMachineAsync(new() { Machine = "silent" });
        Assert.Equal((MachineState.Stopped, ExitReason.Killed), (killed.Machine.State, killed.Machine.LastExit.Reason));
        Assert.Null(ProcessIdentity.StartTime(machine.HypervisorPid));
    }

    [Fact]
    public async Task A_graceful_stop_of_the_daemon_leaves_machines_running_and_ends_streams()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "stays", "banner;hang");
        using var stream = client.Console.ReadConsole(new() { Machine = "stays", Offset = 0, Follow = true });
        do
        {
            Assert.True(await stream.ResponseStream.MoveNext(CancellationToken.None));
        }
        while (stream.ResponseStream.Current.Data.IsEmpty);

        Assert.Equal(0, await daemon.StopAsync());

        var end = await Assert.ThrowsAsync<RpcException>(() => stream.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal(StatusCode.Unavailable, end.StatusCode);
        Assert.NotNull(ProcessIdentity.StartTime(machine.HypervisorPid));
        await daemon.StartAsync();
        Assert.Equal(MachineState.Stopped, (await client.Machines.HaltMachineAsync(new() { Machine = "stays" })).Machine.State);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public async Task What_is_written_while_the_daemon_is_away_is_read_also_by_who_had_nothing_yet(int lines)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "away", "echo");
        var reader = new ResumingConsole(client.Console, TimeProvider.System) { GiveUpAfter = TimeSpan.FromSeconds(60) };
        await using var reading = reader.ReadAsync(new() { Machine = "away", TailLines = lines, Follow = true }, TestContext.Current.CancellationToken).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await reading.MoveNextAsync());
        Assert.Equal((0, 0), (reading.Current.Offset, reading.Current.Data.Length));
        var next = reading.MoveNextAsync();

        await daemon.KillAsync();
        using (var shim = await ShimSocket.ConnectAsync(daemon, machine.Id, TestContext.Current.CancellationToken))
            await shim.SendAsync(FrameType.Input, "meanwhile"u8.ToArray(), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => DaemonClient.Truth(daemon, machine).Length == "meanwhile".Length, "it was written");
        await daemon.StartAsync();

        Assert.True(await next);
        while (reading.Current.Data.IsEmpty)
            Assert.True(await reading.MoveNextAsync());
        Assert.Equal((0, (byte)'m'), (reading.Current.Offset, reading.Current.Data.Span[0]));
    }

    [Fact]
    public async Task Output_that_is_expected_is_waited_for_over_a_daemons_death()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "expected", "echo");
        var expect = new ResumingExpect(client.Console, client.Machines, TimeProvider.System) { GiveUpAfter = TimeSpan.FromSeconds(60) };
        var found = expect.FindAsync(new() { Machine = "expected", Pattern = "there it is" }, DaemonClient.Deadline, TestContext.Current.CancellationToken);
        await client.GetAsync("expected");   // behind it on the same connection

        await daemon.KillAsync();
        await daemon.StartAsync();
        await client.Console.WriteConsoleAsync(new() { Machine = "expected", Data = Google.Protobuf.ByteString.CopyFromUtf8("there it is") });

        Assert.Equal((0, "there it is"), ((await found).Offset, (await found).Match.ToStringUtf8()));
    }

    [Fact]
    public async Task A_damaged_record_harms_only_its_machine()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var damaged = await client.RunAsync(daemon, "damaged", "banner");
        await client.RunAsync(daemon, "sound", "banner;hang");
        await client.WaitAsync("damaged");
        await daemon.KillAsync();
        var record = Path.Combine(daemon.MachineDirectory(damaged.Id), "machine.json");
        await File.WriteAllTextAsync(record, (await File.ReadAllTextAsync(record))[..100]);

        await daemon.StartAsync();

        var unknown = await client.GetAsync(damaged.Id);
        Assert.Equal(MachineState.Unknown, unknown.State);
        Assert.StartsWith("corrupt-record", unknown.StateDetail, StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => (await client.GetAsync("sound")).State == MachineState.Running, "the other one is adopted");
        await client.Machines.DeleteMachineAsync(new() { Machine = damaged.Id, Force = true });
        Assert.False(Directory.Exists(daemon.MachineDirectory(damaged.Id)));
    }
}
