using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Takes the minute that a hypervisor is given; in a class of its own, so that others run beside it.</summary>
public sealed class HangingStartTests
{
    [Fact]
    public async Task A_hypervisor_that_neither_answers_nor_writes_is_killed_and_told_whatever_the_policy()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await client.Machines.RunMachineAsync(
            new() { Name = "hangs", Spec = DaemonClient.Fake(daemon, "noqmp;hang"), RestartPolicy = new() { Mode = RestartMode.Always } }));

        Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
        Assert.Contains("the hypervisor hung", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Empty((await client.Machines.ListMachinesAsync(new())).Machines);
    }
}
