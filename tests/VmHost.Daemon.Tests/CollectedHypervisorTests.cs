using System.Diagnostics;
using System.Globalization;
using VmHost.Posix;
using VmHost.ShimContract.Wire;
using VmHost.TestKit;

namespace VmHost.Daemon.Tests;

/// <summary>Once a hypervisor is collected, its process id may be another process's.</summary>
public sealed class CollectedHypervisorTests
{
    // Between the collection, which frees the process id, and what the shim does next strace holds it this long.
    private const string Held = "inject=wait4:delay_exit=3000000";

    [Fact]
    public async Task A_hypervisor_that_was_collected_is_not_signalled_any_more()
    {
        using var ct = ShimSocket.Limit();
        await using var daemon = await DaemonProcess.StartOnFakeAsync();
        using var client = new DaemonClient(daemon);
        var machine = await client.RunAsync(daemon, "collected", "banner;hang");
        using var shim = await ShimSocket.ConnectAsync(daemon, machine.Id, ct.Token);
        var log = Path.Combine(daemon.Directory, "strace");
        using var strace = Start(machine.ShimPid, log);
        await Eventually.TrueAsync(() => strace.HasExited || IsTraced(machine.ShimPid), "strace is attached");
        Assert.False(strace.HasExited);

        Signals.Send(machine.HypervisorPid, Signals.Kill);
        await Eventually.TrueAsync(() => Lines(log).Any(line => IsCollected(line, machine.HypervisorPid)), "the hypervisor is collected");
        await shim.SendAsync(FrameType.Signal, [Signals.Kill, 0, 0, 0], ct.Token);
        Assert.Equal(FrameType.Result, (await shim.ReceiveAsync(ct.Token)).Type);

        Assert.DoesNotContain(Lines(log), line => line.Contains($"kill({machine.HypervisorPid}", StringComparison.Ordinal));
        await client.WaitAsync(machine.Id);
        await strace.WaitForExitAsync(ct.Token);
    }

    private static Process Start(int pid, string log)
    {
        var start = new ProcessStartInfo("strace") { UseShellExecute = false, RedirectStandardError = true };
        foreach (var word in new[] { "-f", "-q", "-o", log, "-e", "trace=wait4,kill", "-e", Held, "-p", pid.ToString(CultureInfo.InvariantCulture) })
            start.ArgumentList.Add(word);

        return Process.Start(start)!;
    }

    // strace writes a call's line as the call returns, and here it returns late: the process itself tells first.
    private static bool IsCollected(string line, int pid) =>
        line.Contains("wait4(", StringComparison.Ordinal) && !Directory.Exists($"/proc/{pid}");

    private static string[] Lines(string log) => File.Exists(log) ? File.ReadAllLines(log) : [];

    private static bool IsTraced(int pid) =>
        Directory.EnumerateDirectories($"/proc/{pid}/task").All(task =>
            File.ReadLines(Path.Combine(task, "status")).Any(line => line.StartsWith("TracerPid:", StringComparison.Ordinal) && !line.EndsWith("\t0", StringComparison.Ordinal)));
}
