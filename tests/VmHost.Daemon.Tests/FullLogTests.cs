using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>A daemon whose stdout and stderr are a full pipe, as with a log collector that hangs.</summary>
public sealed class FullLogTests
{
    // Each writes a line; more than the logger's queue holds (2,500).
    private const int Changes = 2600;

    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Requests_are_answered_and_SIGTERM_ends_the_daemon_within_five_seconds()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();
        await daemon.StartWithFullLogAsync();
        using var client = new DaemonClient(daemon);
        await FillQueueAsync(daemon, client);

        var late = await client.Machines.RunMachineAsync(new() { Name = "late", Spec = DaemonClient.Fake(daemon, "banner;hang") }, deadline: DaemonClient.Deadline);
        Assert.Equal(MachineState.Running, late.Machine.State);

        var since = TimeProvider.System.GetTimestamp();
        Assert.Equal(0, await daemon.StopAsync());
        Assert.InRange(TimeProvider.System.GetElapsedTime(since), TimeSpan.Zero, EndLimit);
    }

    [Fact]
    public async Task A_reader_that_comes_back_finds_the_number_of_the_messages_that_were_dropped()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();
        var pipe = await daemon.StartWithFullLogAsync();
        using var client = new DaemonClient(daemon);
        await FillQueueAsync(daemon, client);

        using var log = new StreamReader(new FileStream(pipe, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1));
        var found = Task.Run(() => HasLine(log, "message(s) dropped"), TestContext.Current.CancellationToken);

        // Reported with the first message that finds room in the queue.
        await Eventually.TrueAsync(
            async () =>
            {
                await ChangeTwiceAsync(client);
                return found.IsCompleted;
            },
            "the drops are reported");
        Assert.True(await found);
        Assert.Equal(0, await daemon.StopAsync());
    }

    [Fact]
    public async Task A_start_that_fails_ends_also_where_its_error_cannot_be_written()
    {
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        await daemon.StopAsync();
        File.Delete(Path.Combine(daemon.StateDir, "daemon.lock"));
        Directory.CreateDirectory(Path.Combine(daemon.StateDir, "daemon.lock"));

        Assert.Equal(1, await daemon.FailWithFullLogAsync());
    }

    private static async Task FillQueueAsync(DaemonProcess daemon, DaemonClient client)
    {
        await client.RunAsync(daemon, "changing", "banner;hang");
        for (var changes = 0; changes < Changes; changes += 2)
            await ChangeTwiceAsync(client);
    }

    private static async Task ChangeTwiceAsync(DaemonClient client)
    {
        await client.Machines.PauseMachineAsync(new() { Machine = "changing" }, deadline: DaemonClient.Deadline);
        await client.Machines.ResumeMachineAsync(new() { Machine = "changing" }, deadline: DaemonClient.Deadline);
    }

    private static bool HasLine(StreamReader log, string wanted)
    {
        while (log.ReadLine() is { } line)
        {
            if (line.Contains(wanted, StringComparison.Ordinal))
                return true;
        }

        return false;
    }
}
