using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>A host that lacks what a daemon usually finds.</summary>
public sealed class MissingResourcesTests
{
    [Fact]
    public async Task Where_the_state_directory_is_gone_a_failed_run_leaves_no_machine_and_makes_no_directory()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "before", "banner;hang");
        var away = daemon.StateDir + ".away";
        Directory.Move(daemon.StateDir, away);

        var refused = await Assert.ThrowsAsync<RpcException>(() => client.RunAsync(daemon, "after", "banner;hang"));

        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Contains(daemon.StateDir, refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(["before"], (await client.Machines.ListMachinesAsync(new())).Machines.Select(machine => machine.Name));
        Assert.False(Directory.Exists(daemon.StateDir));

        Directory.Move(away, daemon.StateDir);
        Assert.Equal(MachineState.Running, (await client.RunAsync(daemon, "after", "banner;hang")).State);
    }

    [Fact]
    public async Task Where_another_directory_took_the_place_of_the_state_directory_nothing_is_written_into_it()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var away = daemon.StateDir + ".away";
        Directory.Move(daemon.StateDir, away);
        Directory.CreateDirectory(Path.Combine(daemon.StateDir, "machines"));

        var refused = await Assert.ThrowsAsync<RpcException>(() => client.RunAsync(daemon, "after", "banner;hang"));

        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Empty((await client.Machines.ListMachinesAsync(new())).Machines);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(daemon.StateDir, "machines")));
        Directory.Delete(daemon.StateDir, recursive: true);
        Directory.Move(away, daemon.StateDir);
    }

    [Fact]
    public async Task A_daemon_starts_where_no_inotify_instance_is_left()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();

        // A limit of this namespace only, so that no other process of this user notices.
        await daemon.StartAsync(["unshare", "--user", "--map-root-user", "sh", "-c", "echo 0 >/proc/sys/user/max_inotify_instances && exec \"$@\"", "sh"]);

        using var client = new DaemonClient(daemon);
        Assert.Equal(MachineState.Running, (await client.RunAsync(daemon, "served", "banner;hang")).State);
    }
}
