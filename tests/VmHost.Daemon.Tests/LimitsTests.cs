using System.Diagnostics;
using Grpc.Core;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>What there may be only so much of.</summary>
public sealed class LimitsTests
{
    [Fact]
    public async Task One_machine_too_many_is_refused_with_the_number_and_removing_one_makes_room()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync("--max-machines", "2");
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "one", "banner");
        await client.RunAsync(daemon, "two", "banner;hang");
        await client.WaitAsync("one");

        var refused = await Assert.ThrowsAsync<RpcException>(() => client.RunAsync(daemon, "three", "banner"));

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Contains("2 is the most", refused.Status.Detail, StringComparison.Ordinal);
        await client.Machines.DeleteMachineAsync(new() { Machine = "one" });
        await client.RunAsync(daemon, "three", "banner");
    }

    [Fact]
    public async Task Of_many_requests_at_once_no_more_are_carried_out_than_there_is_room_for()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync("--max-machines", "3");
        using var client = new DaemonClient(daemon);

        // The daemon has not asked its hypervisor yet: all requests wait for that, behind the first look at the number.
        var requests = Enumerable.Range(0, 20).Select(number => new RunMachineRequest { Name = $"m{number}", Spec = DaemonClient.Fake(daemon, "banner;hang") }).ToList();

        var answers = await Task.WhenAll(requests.Select(async request =>
        {
            try
            {
                await client.Machines.RunMachineAsync(request);
                return StatusCode.OK;
            }
            catch (RpcException e)
            {
                return e.StatusCode;
            }
        }));

        Assert.Equal(3, answers.Count(answer => answer == StatusCode.OK));
        Assert.Equal(17, answers.Count(answer => answer == StatusCode.ResourceExhausted));
        Assert.Equal(3, (await client.Machines.ListMachinesAsync(new())).Machines.Count);
    }

    [Fact]
    public async Task More_memory_than_there_is_is_refused_and_leaves_nothing_and_counts_what_was_adopted()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync("--max-memory-bytes", $"{1536L << 20}");
        using var client = new DaemonClient(daemon);
        await client.RunAsync(daemon, "first", "banner;hang");
        await daemon.KillAsync();
        await daemon.StartAsync();

        var refused = await Assert.ThrowsAsync<RpcException>(() => client.RunAsync(daemon, "second", "banner;hang"));

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Contains("--max-memory-bytes", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Single((await client.Machines.ListMachinesAsync(new())).Machines);
        await client.Machines.HaltMachineAsync(new() { Machine = "first" });
        await client.RunAsync(daemon, "second", "banner;hang");
    }

    [Fact]
    public async Task Of_fifty_daemons_at_once_in_one_directory_one_serves_and_the_others_name_it()
    {
        using var directory = new TemporaryDirectory();
        var daemons = Enumerable.Range(0, 50).Select(_ =>
        {
            var start = new ProcessStartInfo(Repository.Daemon, ["--state-dir", directory.Combine("s"), "--run-dir", directory.Combine("r"), "--shim", Repository.Shim]) { RedirectStandardError = true, UseShellExecute = false };
            return Process.Start(start)!;
        }).ToList();
        try
        {
            var losers = daemons.Select(async daemon =>
            {
                var said = await daemon.StandardError.ReadToEndAsync();
                await daemon.WaitForExitAsync();
                return (daemon.ExitCode, Said: said);
            }).ToList();
            for (var ended = 0; ended < 49; ended++)
            {
                var loser = await Task.WhenAny(losers).WaitAsync(TimeSpan.FromSeconds(120), TimeProvider.System);
                losers.Remove(loser);
                Assert.Equal(75, (await loser).ExitCode);
                Assert.Contains("is held by", (await loser).Said, StringComparison.Ordinal);
            }

            Assert.Single(daemons, daemon => !daemon.HasExited);
        }
        finally
        {
            foreach (var daemon in daemons)
            {
                if (!daemon.HasExited)
                    daemon.Kill();
                await daemon.WaitForExitAsync();
                daemon.Dispose();
            }
        }
    }
}
