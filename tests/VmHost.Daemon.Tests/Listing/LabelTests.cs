using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests.Listing;

/// <summary>Labels and annotations from the request to the list, the events and the next daemon.</summary>
public sealed class LabelTests
{
    [Fact]
    public async Task Labels_select_machines_are_in_events_and_outlive_the_daemon()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using (var client = new DaemonClient(daemon))
        {
            await client.RunAsync(daemon, "plain", "banner;hang");
            await client.Machines.RunMachineAsync(new()
            {
                Name = "labelled",
                Spec = DaemonClient.Fake(daemon, "banner;hang"),
                Labels = { ["env"] = "prod", ["example.com/role"] = "web" },
                Annotations = { ["tool.example.com/note"] = "any text\n" },
            });
            using var events = client.Events.WatchEvents(new() { Since = new(), PastOnly = true, SnapshotFilter = "labels.env = prod" }, deadline: DaemonClient.Deadline);
            var labelled = new List<Event>();
            await foreach (var message in events.ResponseStream.ReadAllAsync(TestContext.Current.CancellationToken))
            {
                if (message.Event is { MachineName: "labelled" } happened)
                    labelled.Add(happened);
            }

            Assert.NotEmpty(labelled);
            Assert.All(labelled, happened => Assert.Equal("prod", happened.MachineLabels["env"]));
        }

        await daemon.StopAsync();
        await daemon.StartAsync();
        using var next = new DaemonClient(daemon);
        var found = Assert.Single((await next.Machines.ListMachinesAsync(new() { Filter = "labels.env = prod AND labels.example.com/role:*", View = MachineView.Full })).Machines);
        Assert.Equal("labelled", found.Name);
        Assert.Equal("any text\n", found.Annotations["tool.example.com/note"]);
        await next.Machines.KillMachineAsync(new() { Machine = "labelled" });
        await next.Machines.KillMachineAsync(new() { Machine = "plain" });
    }

    [Theory]
    [InlineData("-x", "y", "labels")]
    [InlineData("a/b/c", "y", "labels")]
    [InlineData("UPPER.example/x", "y", "labels")]
    [InlineData("", "y", "labels")]
    [InlineData("x", "not a value", "labels['x']")]
    public async Task What_is_not_a_label_is_refused_by_its_field(string key, string value, string field)
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);

        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await client.Machines.RunMachineAsync(new() { Name = "refused", Spec = DaemonClient.Fake(daemon, "banner"), Labels = { [key] = value } }));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.StartsWith(field, Assert.Single(error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations).Field, StringComparison.Ordinal);
    }
}
