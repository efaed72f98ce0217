using System.Diagnostics;
using System.Globalization;
using VmHost.Posix;
using VmHost.Protocol.V1;
using VmHost.TestKit;

namespace VmHost.Chaos.Faults;

/// <summary>
/// The number of a hypervisor, and of a shim, passes to somebody else's process, which no command may harm. In a process
/// namespace of its own, where the next number can be chosen.
/// </summary>
internal sealed class PidReuse(Tally tally)
{
    /// <summary>The argument of this program within the namespace.</summary>
    internal const string InsideArgument = "--inside-pid-namespace";

    private const string NextNumber = "/proc/sys/kernel/ns_last_pid";

    internal static async Task RunAsync(Tally tally)
    {
        var start = new ProcessStartInfo("unshare", ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child", Environment.ProcessPath!, InsideArgument])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        using var inside = Process.Start(start)!;
        var said = await inside.StandardOutput.ReadToEndAsync();
        await inside.WaitForExitAsync();
        tally.Fault("a process number that passed to another");
        if (inside.ExitCode != 0)
            tally.Violation("20", said);
    }

    internal async Task RunInsideAsync()
    {
        await using var host = await Host.StartAsync(tally);
        var victim = await host.CreateAsync("reused", "clock;hang", RestartMode.No);
        var machine = (await host.FindAsync(victim.Id))!;
        await host.Daemon.KillAsync();
        Signals.Send(machine.ShimPid, Signals.Kill);
        await Eventually.TrueAsync(() => MarkedProcesses.Find(host.Daemon.Mark).Count == 0, "all are dead");

        // In its own time: nobody else in this namespace starts processes now.
        using var asHypervisor = StartAs(machine.HypervisorPid);
        using var asShim = StartAs(machine.ShimPid);
        await host.RestartAsync();
        await host.SettleAsync("a restart with other processes under the machine's numbers");

        if ((await host.FindAsync(victim.Id))!.LastExit?.Reason != ExitReason.ShimLost)
            tally.Violation("20", "the machine is not told as lost with its shim");
        await host.Machines.KillMachineAsync(new() { Machine = victim.Id });
        await host.Machines.HaltMachineAsync(new() { Machine = victim.Id });
        await host.Machines.StartMachineAsync(new() { Machine = victim.Id });
        await host.Machines.DeleteMachineAsync(new() { Machine = victim.Id, Force = true });
        if (asHypervisor.HasExited || asShim.HasExited)
            tally.Violation("20", "a process was signalled that only had the number of the machine's");

        asHypervisor.Kill();
        asShim.Kill();
        await asHypervisor.WaitForExitAsync();
        await asShim.WaitForExitAsync();
    }

    private static Process StartAs(int pid)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            File.WriteAllText(NextNumber, (pid - 1).ToString(CultureInfo.InvariantCulture));
            var process = Process.Start(new ProcessStartInfo("sleep", ["600"]) { UseShellExecute = false })!;
            if (process.Id == pid)
                return process;

            // A thread of this program took the number in between.
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"process number {pid} is not to be had"));
    }
}
