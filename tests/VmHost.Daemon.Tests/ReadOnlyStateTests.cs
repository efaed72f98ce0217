using Grpc.Core;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>The state directory on a disk that became read-only, as disks do that fail.</summary>
public sealed class ReadOnlyStateTests
{
    [Fact]
    public async Task A_daemon_starts_and_lists_and_shows_and_halts_and_refuses_what_it_could_not_write_down()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var running = await client.RunAsync(daemon, "running", "banner;hang");
        await client.ConsoleShowsAsync("running", "fakehv ready");
        await daemon.StopAsync();

        await daemon.StartAsync(["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"", daemon.StateDir]);
        await Eventually.TrueAsync(async () => (await client.GetAsync("running")).State == MachineState.Running, "the machine is found");

        await client.ConsoleShowsAsync("running", "fakehv ready");
        var refused = await Assert.ThrowsAsync<RpcException>(() => client.RunAsync(daemon, "new", "banner"));
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Contains("Read-only file system", refused.Status.Detail, StringComparison.Ordinal);
        var halted = await client.Machines.HaltMachineAsync(new() { Machine = "running" });
        Assert.Equal(MachineState.Stopped, halted.Machine.State);
        Assert.Null(ProcessIdentity.StartTime(running.HypervisorPid));
        Assert.Single((await client.Machines.ListMachinesAsync(new())).Machines);
    }
}
