using System.Globalization;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Chaos.Faults;

/// <summary>
/// A signal at every system call of an operation, in the daemon, the shim or the hypervisor, whoever makes it: the first
/// call of its kind, the second and so on, until the operation got through without.
/// </summary>
internal sealed class SyscallFaults(Tally tally)
{
    private static readonly string[] Calls =
    [
        "openat", "write", "pwrite64", "rename", "fsync", "mkdir", "unlink", "symlink", "execve", "vfork,clone,clone3", "flock",
        "socket", "bind", "listen", "connect", "accept4", "sendto", "sendmsg", "recvfrom", "ioctl", "setsid", "wait4,waitid", "kill,tgkill", "close",
    ];

    private static readonly string[] Operations = ["run", "halt", "rotate", "adopt"];

    private int _number;

    /// <param name="signal">KILL or TERM.</param>
    /// <param name="most">So many times a call at most; the first ones only, where little time is.</param>
    /// <param name="every">Every so manieth system call of the list.</param>
    internal async Task RunAsync(string signal, int most, int every)
    {
        foreach (var operation in signal == "TERM" ? Operations[..1] : Operations)
        {
            var hits = 0;
            for (var call = 0; call < Calls.Length; call += every)
            {
                // A daemon for each: one thread's counts begin anew with it, and its directories stay small.
                await using var host = await Host.StartAsync(tally, "--console-bytes", "1048576");
                for (var when = 1; when <= most && await TryAsync(host, operation, Calls[call], signal, when); when++)
                    hits++;
            }

            if (hits == 0)
                tally.Violation("strace", $"no SIG{signal} hit anything in {operation}");

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"   {operation}: SIG{signal} at {hits} system calls"));
        }
    }

    // False when the operation got through before the call had been made so often.
    private async Task<bool> TryAsync(Host host, string operation, string call, string signal, int when)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"s{++_number}");
        var context = string.Create(CultureInfo.InvariantCulture, $"SIG{signal} at {call} number {when} of {operation} ({name})");
        var log = Path.Combine(host.Daemon.Directory, name);
        var existed = operation is "halt" or "adopt";
        if (existed)
            await host.CreateAsync(name, operation == "halt" ? "clock;hang" : "clock;lines:1000000:500", RestartMode.No);

        var count = when.ToString(CultureInfo.InvariantCulture);
        var (hit, acknowledged) = operation == "adopt"
            ? (await AdoptAsync(host, Strace.Before(call, $"signal={signal}", count, log), log), false)
            : await PerformAsync(host, operation, name, () => Strace.AttachAsync(host.Daemon.Pid, call, $"signal={signal}", count, children: true, log));
        if (hit)
            tally.Fault($"SIG{signal} at a system call of {operation}");

        // One that was asked to end does so in good order, whatever it was doing.
        if (signal == "TERM" && await host.Daemon.StopAsync() is not 0 and var code)
            tally.Violation("17", string.Create(CultureInfo.InvariantCulture, $"the daemon exited with {code} after {context}"));
        if (host.Daemon.HasExited)
            await host.RestartAsync();

        await host.SettleAsync(context);
        var found = (await host.ListAsync()).FirstOrDefault(one => one.Name == name);
        if (found is null && (existed || acknowledged))
            tally.Violation("I4", $"the machine is gone after {context}");
        if (operation == "halt" && acknowledged && found?.HasHypervisorPid == true)
            tally.Violation("I4", $"it runs, and its halt was acknowledged, after {context}");

        if (found is not null)
        {
            await host.Machines.DeleteMachineAsync(new() { Machine = found.Id, Force = true });
            await host.SettleAsync($"the deletion of {name}");
        }

        return hit;
    }

    // A daemon that looks at what it finds.
    private static async Task<bool> AdoptAsync(Host host, string[] strace, string log)
    {
        await host.Daemon.KillAsync();
        try
        {
            await host.Daemon.StartAsync(strace);
            await host.AdoptedAsync();
        }
        catch (Exception e) when (e is InvalidOperationException or RpcException)
        {
            // The signal hit it.
        }

        var hit = Strace.HasHit(log);
        if (!host.Daemon.HasExited)
            await host.Daemon.KillAsync();   // and strace with it
        return hit;
    }

    private static async Task<(bool Hit, bool Acknowledged)> PerformAsync(Host host, string operation, string name, Func<Task<Strace>> attach)
    {
        var acknowledged = false;
        await using var strace = await attach();
        try
        {
            switch (operation)
            {
                case "run":
                    await host.Machines.RunMachineAsync(new() { Name = name, Spec = host.Spec("clock;hang") }, deadline: Host.Deadline);
                    acknowledged = true;
                    break;
                case "halt":
                    await host.Machines.HaltMachineAsync(new() { Machine = name }, deadline: Host.Deadline);
                    acknowledged = true;
                    break;
                default:
                    // Three times what a journal may hold, through ever new segments.
                    await host.Machines.RunMachineAsync(new() { Name = name, Spec = host.Spec("clock;flood:3") }, deadline: Host.Deadline);
                    await host.Machines.WaitMachineAsync(new() { Machine = name }, deadline: Host.Deadline);
                    break;
            }
        }
        catch (RpcException)
        {
            // The signal hit the daemon, or what it waited for.
        }

        return (strace.Hit, acknowledged);
    }
}
