using VmHost.TestKit;

namespace VmHost.EndToEnd;

/// <summary>
/// The same triple and the same commands on QEMU, xhyve and HyperKit; the latter two are stand-ins that boot the kernel
/// from the real ones' command lines.
/// </summary>
[Collection("one guest at a time: two cores, and QEMU emulates in software")]
public sealed class OneSpecTests
{
    // The shell's greeting and first prompt: once a boot.
    private const string Prompt = "built-in commands.\r\n\r\n/ # ";

    private static readonly string Demo = Path.Combine(Repository.Images, "demo");

    [Theory]
    [InlineData("qemu", "power_off (0)\n")]
    [InlineData("xhyve", "power_off (1)\n")]
    [InlineData("hyperkit", "power_off (0)\n")]
    public async Task A_guest_boots_to_its_shell_answers_and_halts(string hypervisor, string end)
    {
        await using var daemon = await DaemonProcess.StartWithStandInsAsync();
        await BootAsync(daemon, hypervisor);

        await Vmctl.OkAsync(daemon, "send", "demo", "echo PING | nc -w 1 127.0.0.1 6379");
        await Vmctl.OkAsync(daemon, "expect", "demo", @"^\+PONG", "--timeout", "60");

        await Vmctl.OkAsync(daemon, "halt", "demo");
        Assert.Equal(end, await Vmctl.OkAsync(daemon, "wait", "demo"));

        // Again, with the daemon killed between, and this time it is the person at the prompt who halts it.
        await Vmctl.OkAsync(daemon, "start", "demo");
        await ShowsAsync(daemon, Prompt, times: 2);
        await daemon.KillAsync();
        await daemon.StartAsync();
        await Vmctl.OkAsync(daemon, "send", "demo", "halt");
        Assert.Equal(end, await Vmctl.OkAsync(daemon, "wait", "demo"));
    }

    [Theory]
    [InlineData("qemu")]
    [InlineData("xhyve")]
    [InlineData("hyperkit")]
    public async Task A_guest_that_reboots_goes_on_and_a_kill_ends_it(string hypervisor)
    {
        await using var daemon = await DaemonProcess.StartWithStandInsAsync();
        await BootAsync(daemon, hypervisor);

        await Vmctl.OkAsync(daemon, "send", "demo", "reboot");
        await ShowsAsync(daemon, Prompt, times: 2);

        Assert.Contains("\"boot_count\": 2", await Vmctl.OkAsync(daemon, "inspect", "demo"), StringComparison.Ordinal);
        await Vmctl.OkAsync(daemon, "kill", "demo");
        Assert.Equal("killed (signal 9)\n", (await Vmctl.RunAsync(daemon, "wait", "demo")).StandardOutput);
    }

    [Theory]
    [InlineData("qemu", "panic (0)\n", "halt (signal 9)\n")]
    [InlineData("xhyve", "panic (0)\n", "halt (2)\n")]
    [InlineData("hyperkit", "panic (2)\n", "halt (0)\n")]
    public async Task A_panic_and_a_bare_halt_are_told_apart(string hypervisor, string panic, string halt)
    {
        await using var daemon = await DaemonProcess.StartWithStandInsAsync();
        await BootAsync(daemon, hypervisor, "--on-reboot", "stop");

        await Vmctl.OkAsync(daemon, "send", "demo", "echo c >/proc/sysrq-trigger");
        Assert.Equal(panic, (await Vmctl.RunAsync(daemon, "wait", "demo")).StandardOutput);

        await Vmctl.OkAsync(daemon, "start", "demo");
        await ShowsAsync(daemon, Prompt, times: 2);
        await Vmctl.OkAsync(daemon, "send", "demo", "halt -f");
        Assert.Equal(halt, (await Vmctl.RunAsync(daemon, "wait", "demo")).StandardOutput);
    }

    private static async Task BootAsync(DaemonProcess daemon, string hypervisor, params string[] more)
    {
        await Vmctl.OkAsync(daemon, ["run", "-d", "-n", "demo", "-m", "256", "--hypervisor", hypervisor, .. more, Demo]);
        await ShowsAsync(daemon, Prompt);
    }

    private static Task ShowsAsync(DaemonProcess daemon, string text, int times = 1) => Eventually.TrueAsync(
        async () => (await Vmctl.OkAsync(daemon, "logs", "demo")).Split(text).Length - 1 >= times, $"the console shows '{text}' {times} times");
}
