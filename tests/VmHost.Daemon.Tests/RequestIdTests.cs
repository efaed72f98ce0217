using System.Text.Json.Nodes;
using Grpc.Core;
using VmHost.Client;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

public sealed class RequestIdTests
{
    [Fact]
    public async Task The_same_request_at_the_same_time_and_later_runs_one_machine()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var request = new RunMachineRequest { Name = "once", Spec = DaemonClient.Fake(daemon, "banner;hang"), RequestId = "b2d5c3" };

        var both = await Task.WhenAll(client.Machines.RunMachineAsync(request).ResponseAsync, client.Machines.RunMachineAsync(request).ResponseAsync);
        var later = await client.Machines.RunMachineAsync(request);

        Assert.Single((await client.Machines.ListMachinesAsync(new())).Machines);
        Assert.All(both, one => Assert.Equal(later.Machine.Id, one.Machine.Id));
        var other = request.Clone();
        other.Name = "twice";
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await client.Machines.RunMachineAsync(other))).StatusCode);
    }

    [Fact]
    public async Task A_machine_is_known_by_its_request_in_the_next_daemon_too()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var request = new RunMachineRequest { Name = "known", Spec = DaemonClient.Fake(daemon, "banner;hang"), RequestId = "b2d5c3" };
        var first = await client.Machines.RunMachineAsync(request);

        await daemon.KillAsync();
        await daemon.StartAsync();
        var again = await new ResumingRun(client.Machines, TimeProvider.System).RunAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal((first.Machine.Id, MachineState.Running, 1), (again.Machine.Id, again.Machine.State, again.Machine.BootCount));
    }

    [Fact]
    public async Task The_id_with_another_request_is_refused_by_the_next_daemon_too()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var request = new RunMachineRequest { Name = "known", Spec = DaemonClient.Fake(daemon, "banner;hang"), RequestId = "b2d5c3" };
        var first = await client.Machines.RunMachineAsync(request);

        await daemon.KillAsync();
        await daemon.StartAsync();
        using var later = new DaemonClient(daemon);
        var other = request.Clone();
        other.Spec.CpuCount = 2;

        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await later.Machines.RunMachineAsync(other))).StatusCode);
        Assert.Equal(first.Machine.Id, (await later.Machines.RunMachineAsync(request)).Machine.Id);
        await later.Machines.DeleteMachineAsync(new() { Machine = "known", Force = true });
        await daemon.KillAsync();
        await daemon.StartAsync();
        using var last = new DaemonClient(daemon);
        Assert.NotEqual(first.Machine.Id, (await last.Machines.RunMachineAsync(other)).Machine.Id);
    }

    [Fact]
    public async Task A_record_of_a_version_without_digests_is_found_by_the_id_alone()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var request = new RunMachineRequest { Name = "older", Spec = DaemonClient.Fake(daemon, "banner;hang"), RequestId = "b2d5c3" };
        var first = await client.Machines.RunMachineAsync(request);
        await daemon.KillAsync();
        var file = Path.Combine(daemon.MachineDirectory(first.Machine.Id), "machine.json");
        var record = JsonNode.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!.AsObject();
        Assert.True(record.Remove("request_digest"));
        await File.WriteAllTextAsync(file, record.ToJsonString(), TestContext.Current.CancellationToken);

        await daemon.StartAsync();
        using var later = new DaemonClient(daemon);
        var other = request.Clone();
        other.Spec.CpuCount = 2;

        Assert.Equal(first.Machine.Id, (await later.Machines.RunMachineAsync(other)).Machine.Id);
    }

    [Fact]
    public async Task A_halt_and_a_delete_that_are_repeated_give_the_first_answer()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "repeated", "banner;hang");

        Assert.True((await client.Machines.HaltMachineAsync(new() { Machine = "repeated", RequestId = "h" })).Changed);
        Assert.True((await client.Machines.HaltMachineAsync(new() { Machine = "repeated", RequestId = "h" })).Changed);
        Assert.False((await client.Machines.HaltMachineAsync(new() { Machine = "repeated" })).Changed);
        await client.Machines.DeleteMachineAsync(new() { Machine = "repeated", RequestId = "d" });
        await client.Machines.DeleteMachineAsync(new() { Machine = "repeated", RequestId = "d" });
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () => await client.Machines.DeleteMachineAsync(new() { Machine = "repeated" }))).StatusCode);
    }

    [Fact]
    public async Task A_failure_is_not_remembered()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);

        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () => await client.Machines.StartMachineAsync(new() { Machine = "late", RequestId = "s" }))).StatusCode);
        await client.RunAsync(daemon, "late", "banner");
        await client.WaitAsync("late");
        Assert.True((await client.Machines.StartMachineAsync(new() { Machine = "late", RequestId = "s" })).Changed);
    }

    [Theory]
    [InlineData("with a space")]
    [InlineData("tab\t")]
    [InlineData("\u00e9")]
    [InlineData("0123456789012345678901234567890123456789012345678901234567890123456789")]
    public async Task An_id_that_is_none_is_told(string id)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);

        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await client.Machines.StartMachineAsync(new() { Machine = "any", RequestId = id }))).StatusCode);
    }
}
