using System.Text.Json;
using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>What goes wrong with a real kernel, and with the daemon while one boots.</summary>
[Collection("one guest at a time: two cores, and QEMU emulates in software")]
public sealed class RealFailureTests
{
    private static readonly string TestGuest = Path.Combine(Repository.Images, "testguest");

    [Theory]
    [InlineData(1.0, "rdinit=/nope panic=-1", "no_root_device")]
    [InlineData(0.6, "panic=-1", "damaged_initrd")]
    public async Task A_panic_says_what_was_missing_and_a_restart_policy_gives_up_on_it(double partOfInitrd, string append, string fault)
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        var initrd = await File.ReadAllBytesAsync(TestGuest + "-initrd.img", TestContext.Current.CancellationToken);
        var part = Path.Combine(daemon.Directory, "initrd");
        await File.WriteAllBytesAsync(part, initrd[..(int)(initrd.Length * partOfInitrd)], TestContext.Current.CancellationToken);

        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "panics", "-m", "128", "--restart", "on-failure:1", "--append", append, "--initrd", part, TestGuest);
        var wait = await Vmctl.RunAsync(daemon, "wait", "panics");

        Assert.Equal((11, $"panic ({fault})\n"), (wait.ExitCode, wait.StandardOutput));
        using var inspected = JsonDocument.Parse(await Vmctl.OkAsync(daemon, "inspect", "panics"));
        var machine = inspected.RootElement[0];
        Assert.Equal(("failed", 2), (machine.GetProperty("state").GetString(), machine.GetProperty("boot_count").GetInt32()));
        Assert.StartsWith("given up after 1 restart in a row: the guest's kernel panicked", machine.GetProperty("state_detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(fault, machine.GetProperty("last_exit").GetProperty("guest_fault").GetString());

        var events = (await Vmctl.OkAsync(daemon, "events", "--no-follow", "-o", "json")).TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["backoff", "failed"], events.Where(one => one.TryGetProperty("guest_fault", out var value) && value.GetString() == fault).Select(one => one.GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Kills_of_the_daemon_during_a_boot_change_nothing_for_the_guest()
    {
        await using var daemon = await DaemonProcess.StartPublishedAsync();
        await Vmctl.OkAsync(daemon, "run", "-d", "-n", "boots", "-m", "128", "--cmdline", "console=ttyS0 quiet vmhost.test=poweroff", TestGuest);

        var random = new Random(5);
        for (var kill = 0; kill < 5; kill++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(300)), TimeProvider.System, CancellationToken.None);
            await daemon.KillAsync();
            await daemon.StartAsync();
        }

        Assert.Equal("power_off (0)\n", await Vmctl.OkAsync(daemon, "wait", "boots"));
    }
}
