using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Changes of a machine's spec: at once where nothing runs, else at the next start; and what becomes of one that does not do.</summary>
public sealed class SpecUpdateTests(FakeDaemonFixture fixture) : IClassFixture<FakeDaemonFixture>
{
    private const long Memory = 96 << 20;

    private readonly DaemonProcess _daemon = fixture.Daemon;
    private readonly DaemonClient _client = fixture.Client;

    [Fact]
    public async Task A_machine_that_runs_takes_the_change_at_its_next_start()
    {
        var before = await _client.RunAsync(_daemon, "later", "ready;echo");
        var pending = await UpdateAsync("later", new() { MemoryBytes = Memory, CpuCount = 2, Boot = new() { CommandLine = $"{before.Spec.Boot.CommandLine} more" } });

        Assert.Equal((before.Spec.MemoryBytes, Memory, 2), (pending.Spec.MemoryBytes, pending.PendingSpec.MemoryBytes, pending.PendingSpec.CpuCount));
        Assert.NotEqual(before.Etag, pending.Etag);

        var after = (await _client.Machines.RestartMachineAsync(new() { Machine = "later" })).Machine;
        Assert.Equal((Memory, 2, null), (after.Spec.MemoryBytes, after.Spec.CpuCount, after.PendingSpec));
        Assert.EndsWith(" more", after.Spec.Boot.CommandLine, StringComparison.Ordinal);
        Assert.Equal(before.Spec.Uuid, after.Spec.Uuid);
        var argv = (await _client.GetAsync("later")).Argv;
        Assert.Equal("96", argv[argv.IndexOf("-m") + 1].Replace("M", "", StringComparison.Ordinal).Replace("size=", "", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_machine_that_does_not_run_has_it_at_once()
    {
        await _client.Machines.CreateMachineAsync(new() { Name = "now", Spec = DaemonClient.Fake(_daemon, "ready;echo") });

        var changed = await UpdateAsync("now", new() { MemoryBytes = Memory });

        Assert.Equal((Memory, null), (changed.Spec.MemoryBytes, changed.PendingSpec));
    }

    [Fact]
    public async Task A_change_that_is_taken_back_is_pending_no_more()
    {
        var before = await _client.RunAsync(_daemon, "back", "ready;echo");
        await UpdateAsync("back", new() { MemoryBytes = Memory });

        Assert.Null((await UpdateAsync("back", new() { MemoryBytes = before.Spec.MemoryBytes })).PendingSpec);
    }

    [Fact]
    public async Task What_is_pending_outlives_the_daemon()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "kept", "ready;echo");
        await client.Machines.UpdateMachineAsync(new() { Machine = "kept", Spec = new() { MemoryBytes = Memory } });
        await daemon.KillAsync();
        await daemon.StartAsync();

        using var next = new DaemonClient(daemon);
        Assert.Equal(Memory, (await next.GetAsync("kept")).PendingSpec.MemoryBytes);
        await Eventually.TrueAsync(async () => (await next.GetAsync("kept")).State == MachineState.Running, "it is adopted");
        Assert.Equal(Memory, (await next.Machines.RestartMachineAsync(new() { Machine = "kept" })).Machine.Spec.MemoryBytes);
    }

    [Fact]
    public async Task A_start_that_fails_because_of_it_keeps_the_old_spec_and_says_so()
    {
        var disk = Path.Combine(_daemon.Directory, "gone.img");
        await File.WriteAllBytesAsync(disk, new byte[512], TestContext.Current.CancellationToken);
        await _client.RunAsync(_daemon, "keeps", "ready;echo");
        await UpdateAsync("keeps", new() { Disks = { new Disk { Path = disk } } });
        File.Delete(disk);

        var failed = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.RestartMachineAsync(new() { Machine = "keeps" }));
        Assert.Equal(StatusCode.FailedPrecondition, failed.StatusCode);
        Assert.Contains("machine keeps has not taken its pending change and keeps its old spec", failed.Status.Detail, StringComparison.Ordinal);
        var machine = await _client.GetAsync("keeps");
        Assert.Empty(machine.Spec.Disks);
        Assert.Equal(disk, Assert.Single(machine.PendingSpec.Disks).Path);
        Assert.Contains(disk, machine.PendingSpecProblem, StringComparison.Ordinal);

        // Corrected, it starts.
        await _client.Machines.UpdateMachineAsync(new() { Machine = "keeps", UpdateMask = new() { Paths = { "spec.disks" } } });
        Assert.Equal(MachineState.Running, (await _client.Machines.StartMachineAsync(new() { Machine = "keeps" })).Machine.State);
    }

    [Fact]
    public async Task A_hypervisor_that_does_not_start_with_it_gives_the_old_spec_back()
    {
        await _client.RunAsync(_daemon, "fails", "ready;echo");
        var before = await _client.GetAsync("fails");
        await UpdateAsync("fails", new() { Boot = new() { CommandLine = before.Spec.Boot.CommandLine.Replace("fake=", "fake=exit:1;", StringComparison.Ordinal) } });

        var failed = await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.RestartMachineAsync(new() { Machine = "fails" }));
        Assert.Contains("keeps its old spec", failed.Status.Detail, StringComparison.Ordinal);
        var machine = await _client.GetAsync("fails");
        Assert.Equal(before.Spec.Boot.CommandLine, machine.Spec.Boot.CommandLine);
        Assert.Contains("fake=exit:1;", machine.PendingSpec.Boot.CommandLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"cpu_count": 65}""", "spec.cpu_count")]
    [InlineData("""{"memory_bytes": 1000}""", "spec.memory_bytes")]
    [InlineData("""{"disks": [{"path": "/no/such/disk"}]}""", "spec.disks[0].path")]
    [InlineData("""{"uuid": "11111111-1111-1111-1111-111111111111"}""", "spec.uuid: cannot be changed")]
    [InlineData("""{"boot": {"kernel_path": "/k"}}""", "spec.boot.kernel_path: cannot be changed")]
    [InlineData("""{"on_reboot": "REBOOT_ACTION_STOP"}""", "spec.on_reboot: cannot be changed")]
    [InlineData("""{"networks": [{}]}""", "spec.networks: cannot be changed")]
    public async Task A_change_that_is_wrong_is_refused_by_its_field(string spec, string problem)
    {
        var machine = await EnsureAsync("wrong");

        var refused = await Assert.ThrowsAsync<RpcException>(() => UpdateAsync("wrong", Google.Protobuf.JsonParser.Default.Parse<MachineSpec>(spec)));

        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Contains(problem, refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(machine.Etag, (await _client.GetAsync("wrong")).Etag);
    }

    [Fact]
    public async Task A_stale_etag_is_refused()
    {
        var machine = await _client.RunAsync(_daemon, "stale", "ready;echo");
        var request = new UpdateMachineRequest { Machine = "stale", Labels = { ["a"] = "1" }, Etag = machine.Etag };
        await _client.Machines.UpdateMachineAsync(request);

        request.Labels["a"] = "2";
        Assert.Equal(StatusCode.Aborted, (await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.UpdateMachineAsync(request))).StatusCode);
        request.Etag = "x";
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(async () => await _client.Machines.UpdateMachineAsync(request))).StatusCode);
        request.Etag = (await _client.GetAsync("stale")).Etag;
        Assert.True((await _client.Machines.UpdateMachineAsync(request)).Changed);
    }

    private async Task<Machine> UpdateAsync(string machine, MachineSpec spec) =>
        (await _client.Machines.UpdateMachineAsync(new() { Machine = machine, Spec = spec })).Machine;

    private async Task<Machine> EnsureAsync(string name)
    {
        try
        {
            return await _client.RunAsync(_daemon, name, "ready;echo");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.AlreadyExists)
        {
            return await _client.GetAsync(name);
        }
    }
}
