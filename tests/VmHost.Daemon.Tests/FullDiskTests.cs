using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>The state directory on a real disk of 2 MiB that fills up.</summary>
public sealed class FullDiskTests
{
    [Fact]
    public async Task Output_that_a_full_disk_refuses_is_a_counted_gap_and_the_machine_goes_on()
    {
        await using var daemon = await DaemonProcess.StartOnSmallDiskAsync("2m");
        using var client = new DaemonClient(daemon);
        var truth = Path.Combine(daemon.Directory, "truth");
        var ballast = Path.Combine(daemon.VisibleStateDir, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[1 << 20]);

        // 4 MB, of which less than one fits and the newest 256 KiB are held; then a word, once there is room again.
        await client.RunAsync(daemon, "full", $"flood:4;ready;echo truth={truth}");
        await Eventually.TrueAsync(() => EndsWith(truth, "fakehv: ready\r\n"), "the guest wrote all, and was not held up");
        var journal = (await client.GetAsync("full")).State;
        File.Delete(ballast);
        await client.Console.WriteConsoleAsync(new() { Machine = "full", Data = Google.Protobuf.ByteString.CopyFromUtf8("more\n") });
        await client.ConsoleShowsAsync("full", "more");
        await client.Console.WriteConsoleAsync(new() { Machine = "full", Data = Google.Protobuf.ByteString.CopyFromUtf8("exit\n") });
        var ended = await client.WaitAsync("full");

        Assert.Equal(MachineState.Running, journal);
        Assert.Equal((MachineState.Stopped, ExitReason.PowerOff), (ended.State, ended.LastExit.Reason));
        Assert.InRange(await LostAsync(client, truth), 2 << 20, 4 << 20);
    }

    [Fact]
    public async Task Output_that_a_full_disk_refuses_to_the_end_of_a_boot_is_a_counted_gap_too()
    {
        await using var daemon = await DaemonProcess.StartOnSmallDiskAsync("2m");
        using var client = new DaemonClient(daemon);
        var truth = Path.Combine(daemon.Directory, "truth");
        var ballast = Path.Combine(daemon.VisibleStateDir, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[1 << 20]);

        var machine = await client.RunAsync(daemon, "full", $"flood:4 truth={truth}");
        var console = Path.Combine(daemon.VisibleStateDir, "machines", machine.Id, "console");
        await Eventually.TrueAsync(() => File.Exists(truth) && File.Exists(Path.Combine(console, $"{new FileInfo(truth).Length:D20}.log")), "a name says where the boot's output ends");

        // The record of the end waits for room.
        File.Delete(ballast);
        var ended = await client.WaitAsync("full");

        // What says why, QEMU's log of events, found no room either.
        Assert.Equal(0, ended.LastExit.Code);
        Assert.InRange(await LostAsync(client, truth), 3 << 20, 4 << 20);
    }

    // Compares what is there with what the guest wrote, and counts what is not.
    private static async Task<long> LostAsync(DaemonClient client, string truth)
    {
        var all = await File.ReadAllBytesAsync(truth);
        var (end, lost) = (0L, 0L);
        using var call = client.Console.ReadConsole(new() { Machine = "full", Offset = 0 }, deadline: DaemonClient.Deadline);
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            var chunk = call.ResponseStream.Current;
            Assert.Equal(end + chunk.GapBytes, chunk.Offset);
            Assert.Equal(all[(int)chunk.Offset..(int)(chunk.Offset + chunk.Data.Length)], chunk.Data.ToByteArray());
            (end, lost) = (chunk.Offset + chunk.Data.Length, lost + chunk.GapBytes);
        }

        Assert.Equal(all.Length, end);
        return lost;
    }

    private static bool EndsWith(string path, string text)
    {
        if (!File.Exists(path))
            return false;

        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        file.Seek(-Math.Min(file.Length, text.Length), SeekOrigin.End);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd() == text;
    }
}
