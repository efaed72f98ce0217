using Google.Protobuf;
using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Machines that are created and not started, and changes of what they were created with.</summary>
public sealed class CreateTests : IClassFixture<FakeDaemonFixture>
{
    private readonly DaemonProcess _daemon;
    private readonly DaemonClient _client;

    public CreateTests(FakeDaemonFixture fixture) => (_daemon, _client) = (fixture.Daemon, fixture.Client);

    [Fact]
    public async Task A_created_machine_outlives_the_daemon_and_starts_later()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using (var client = new DaemonClient(daemon))
        {
            var created = (await client.Machines.CreateMachineAsync(new() { Name = "later", Spec = DaemonClient.Fake(daemon, "banner;hang"), Labels = { ["a"] = "b" } })).Machine;
            Assert.Equal((MachineState.Created, 0, "b"), (created.State, created.BootCount, created.Labels["a"]));
        }

        await daemon.KillAsync();
        await daemon.StartAsync();
        using var next = new DaemonClient(daemon);
        await Eventually.TrueAsync(async () => (await next.GetAsync("later")).State == MachineState.Created, "the machine is known");
        Assert.True((await next.Machines.StartMachineAsync(new() { Machine = "later" })).Changed);
        Assert.Equal((MachineState.Running, 1, "b"), ((await next.GetAsync("later")).State, (await next.GetAsync("later")).BootCount, (await next.GetAsync("later")).Labels["a"]));
        await next.Machines.KillMachineAsync(new() { Machine = "later" });
    }

    [Fact]
    public async Task The_same_request_creates_one_machine_and_another_one_is_refused()
    {
        var request = new CreateMachineRequest { Name = "once", Spec = DaemonClient.Fake(_daemon, "banner"), RequestId = "create-once" };

        var first = (await _client.Machines.CreateMachineAsync(request)).Machine;

        Assert.Equal(first.Id, (await _client.Machines.CreateMachineAsync(request)).Machine.Id);
        var other = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.CreateMachineAsync(new(request) { Name = "other" }));
        Assert.Equal(StatusCode.InvalidArgument, other.StatusCode);
        var taken = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.CreateMachineAsync(new(request) { RequestId = "" }));
        Assert.Equal(StatusCode.AlreadyExists, taken.StatusCode);
    }

    [Fact]
    public async Task The_order_of_a_map_does_not_make_another_request()
    {
        // As Go writes it: the entries of a map in any order, another one each time.
        var plain = new CreateMachineRequest { Name = "maps", Spec = DaemonClient.Fake(_daemon, "banner"), RequestId = "create-maps" }.ToByteArray();
        byte[] a = [0x2a, 6, 0x0a, 1, (byte)'a', 0x12, 1, (byte)'1'], b = [0x2a, 6, 0x0a, 1, (byte)'b', 0x12, 1, (byte)'2'];
        var bytes = Marshallers.Create(static sent => sent, static received => received);
        var method = new Method<byte[], byte[]>(MethodType.Unary, "vmhost.v1.MachineService", "CreateMachine", bytes, bytes);
        var calls = _client.Channel.CreateCallInvoker();

        var first = await calls.AsyncUnaryCall(method, null, default, [.. plain, .. a, .. b]);
        var second = await calls.AsyncUnaryCall(method, null, default, [.. b, .. plain, .. a]);

        Assert.Equal(CreateMachineResponse.Parser.ParseFrom(first).Machine.Id, CreateMachineResponse.Parser.ParseFrom(second).Machine.Id);
    }

    [Fact]
    public async Task Faults_leave_nothing()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
            await _client.Machines.CreateMachineAsync(new() { Name = "faulty", Spec = new() { Boot = new() { KernelPath = "/missing" } } }));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Empty((await _client.Machines.ListMachinesAsync(new() { Filter = "name = faulty" })).Machines);
    }

    [Fact]
    public async Task A_mask_says_what_an_update_changes()
    {
        await _client.Machines.CreateMachineAsync(new()
        {
            Name = "masked",
            Spec = DaemonClient.Fake(_daemon, "banner"),
            RestartPolicy = new() { Mode = RestartMode.Always },
            Labels = { ["a"] = "1" },
            Annotations = { ["n"] = "1" },
        });

        var labels = await _client.Machines.UpdateMachineAsync(new() { Machine = "masked", Labels = { ["b"] = "2" }, RestartPolicy = new(), UpdateMask = new() { Paths = { "labels" } } });
        Assert.True(labels.Changed);
        Assert.Equal(("2", RestartMode.Always, "1"), (labels.Machine.Labels["b"], labels.Machine.RestartPolicy.Mode, labels.Machine.Annotations["n"]));
        Assert.False(labels.Machine.Labels.ContainsKey("a"));

        var nothing = await _client.Machines.UpdateMachineAsync(new() { Machine = "masked", Labels = { ["b"] = "2" } });
        Assert.False(nothing.Changed);

        // A mask without paths is as good as none.
        Assert.True((await _client.Machines.UpdateMachineAsync(new() { Machine = "masked", Labels = { ["b"] = "3" }, UpdateMask = new() })).Changed);

        var cleared = await _client.Machines.UpdateMachineAsync(new() { Machine = "masked", UpdateMask = new() { Paths = { "annotations", "restart_policy" } } });
        Assert.Empty(cleared.Machine.Annotations);
        Assert.Equal(RestartMode.No, cleared.Machine.RestartPolicy.Mode);
    }

    [Fact]
    public async Task Labels_are_set_and_removed_one_by_one()
    {
        await _client.Machines.CreateMachineAsync(new() { Name = "edited", Spec = DaemonClient.Fake(_daemon, "banner"), Labels = { ["kept"] = "1", ["example.com/gone"] = "1" } });

        // Many at once: none is lost.
        await Task.WhenAll(Enumerable.Range(0, 20).Select(number => _client.Machines.UpdateMachineAsync(
            new() { Machine = "edited", Labels = { [$"n{number}"] = "x" }, UpdateMask = new() { Paths = { $"labels.n{number}" } } }).ResponseAsync));
        var edited = await _client.Machines.UpdateMachineAsync(new() { Machine = "edited", UpdateMask = new() { Paths = { "labels.example.com/gone", "labels.missing" } } });

        Assert.Equal(["kept", .. Enumerable.Range(0, 20).Select(number => $"n{number}").Order(StringComparer.Ordinal)], edited.Machine.Labels.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Updates_that_cannot_be_are_refused_by_their_field()
    {
        await _client.Machines.CreateMachineAsync(new() { Name = "unchanged", Spec = DaemonClient.Fake(_daemon, "banner") });

        await AssertFaultAsync("update_mask", new() { Machine = "unchanged", UpdateMask = new() { Paths = { "spec.uuid" } } });
        await AssertFaultAsync("update_mask", new() { Machine = "unchanged", UpdateMask = new() { Paths = { "labels", "labels.a" } } });
        await AssertFaultAsync("labels", new() { Machine = "unchanged", Labels = { ["-"] = "x" }, UpdateMask = new() { Paths = { "labels.-" } } });
        await AssertFaultAsync("labels", new() { Machine = "unchanged", Labels = { ["-"] = "x" } });
    }

    private async Task AssertFaultAsync(string field, UpdateMachineRequest request)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.UpdateMachineAsync(request));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(field, Assert.Single(error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations).Field);
    }
}
