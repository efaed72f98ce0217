using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>What the real QEMU does to its guest without a request of VmHost, and what VmHost reports of it.</summary>
[Collection("one guest at a time: two cores, and QEMU emulates in software")]
public sealed class RealMonitorTests
{
    private const int Filler = 5 << 20;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_full_disk_of_the_host_pauses_the_guest_and_resume_tries_again()
    {
        await using var daemon = await DaemonProcess.StartPublishedWithGuestDiskAsync("6m");
        await File.WriteAllBytesAsync(Path.Combine(daemon.VisibleGuestDisk, "filler"), new byte[Filler], Ct);
        await using (var disk = new FileStream(Path.Combine(daemon.VisibleGuestDisk, "disk"), FileMode.CreateNew))
            disk.SetLength(DiskWriterImage.DiskBytes);

        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "writes", "-m", "64", "--disk", Path.Combine(daemon.GuestDisk, "disk"), DiskWriterImage.Write(daemon.Directory, "writer"));
        await ShowsAsync(daemon, "writes", "paused: I/O error on disk0 (No space left on device)");

        // Still full: the guest runs, fails and stops again.
        var again = await Vmctl.RunAsync(daemon, "resume", "writes");
        Assert.NotEqual(0, again.ExitCode);
        Assert.Contains("stopped again: paused: I/O error on disk0 (No space left on device)", again.StandardError, StringComparison.Ordinal);
        await ShowsAsync(daemon, "writes", "paused: I/O error on disk0 (No space left on device)");

        // With room it continues where it was.
        File.Delete(Path.Combine(daemon.VisibleGuestDisk, "filler"));
        await Vmctl.OkAsync(daemon, "resume", "writes");
        await Vmctl.OkAsync(daemon, "expect", "writes", "D", "--timeout", "60");
        Assert.Equal($"A{new string('w', DiskWriterImage.DiskBytes / (32 << 10))}D", await Vmctl.OkAsync(daemon, "logs", "writes"));
        await Vmctl.OkAsync(daemon, "kill", "writes");
    }

    [Fact]
    public async Task A_guest_that_is_reset_while_it_is_paused_reboots_and_obeys()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "resets", "-m", "128", "--cmdline", "console=ttyS0 quiet vmhost.test=wait", Path.Combine(Repository.Images, "testguest"));
        await Vmctl.OkAsync(daemon, "expect", "resets", "testguest ready", "--timeout", "60");
        await Vmctl.OkAsync(daemon, "pause", "resets");

        await ResetAsync(daemon);

        await Vmctl.OkAsync(daemon, "wait", "resets", "--for", "running", "--timeout", "60");
        await Eventually.TrueAsync(async () => (await InspectAsync(daemon, "resets")).GetProperty("boot_count").GetInt32() == 2, "the guest rebooted");
        await Vmctl.OkAsync(daemon, "kill", "resets");
        Assert.Contains("stopped", await Vmctl.OkAsync(daemon, "ls"), StringComparison.Ordinal);
    }

    private static Task ShowsAsync(DaemonProcess daemon, string machine, string detail) =>
        Eventually.TrueAsync(async () => (await Vmctl.OkAsync(daemon, "inspect", machine)).Contains(detail, StringComparison.Ordinal), $"{machine} shows '{detail}'");

    private static async Task<JsonElement> InspectAsync(DaemonProcess daemon, string machine) =>
        JsonElement.Parse(await Vmctl.OkAsync(daemon, "inspect", machine))[0];

    // By another client of the monitor. QEMU ends at a reset: perhaps before it answers, perhaps with the answer unread.
    private static async Task ResetAsync(DaemonProcess daemon)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(Directory.GetFiles(daemon.RunDir, "qmp.sock", SearchOption.AllDirectories).Single()), Ct);
        await socket.SendAsync(Encoding.UTF8.GetBytes("""{"execute": "qmp_capabilities"}""" + "\n" + """{"execute": "system_reset"}""" + "\n"), Ct);
        var answer = new byte[4096];
        try
        {
            while (await socket.ReceiveAsync(answer, Ct) > 0)
            {
                // To its end.
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // It ended with bytes of ours unread.
        }
    }
}
