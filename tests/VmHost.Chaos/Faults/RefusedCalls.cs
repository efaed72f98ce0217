using System.Globalization;
using Grpc.Core;
using VmHost.Protocol.V1;

namespace VmHost.Chaos.Faults;

/// <summary>
/// A disk that is full, broken or read-only, or no descriptor left, at every call by which the daemon writes: the first, the
/// second and so on, once or from then on. It goes on serving, says what is wrong, and nothing is half made. A halt works
/// all the same.
/// </summary>
internal sealed class RefusedCalls(Tally tally)
{
    private static readonly (string Call, string[] Errors)[] Refusals =
    [
        ("openat", ["ENOSPC", "EIO", "EMFILE", "EROFS"]),
        ("write", ["ENOSPC", "EIO"]),
        ("rename", ["ENOSPC", "EIO", "EROFS"]),
        ("fsync", ["ENOSPC", "EIO"]),
        ("mkdir", ["ENOSPC", "EROFS"]),
        ("symlink", ["ENOSPC", "EROFS"]),
        ("unlink", ["EIO", "EROFS"]),
        ("rmdir", ["EROFS"]),
    ];

    // A disk that fails for longer leaves a halt without a proof of the end; the answer is then that nothing is known.
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(10);

    private static readonly string[] Records = ["machine.json", "launch.json", "lock"];

    private static readonly string[] Operations = ["run", "start", "update", "halt", "delete"];

    private int _number;

    private bool _hit;

    // Whoever asked was told that nobody can say how the machine is: then it may run or not.
    private bool _unknown;

    /// <param name="most">So many times a call at most.</param>
    /// <param name="every">Every so manieth combination.</param>
    internal async Task RunAsync(int most, int every)
    {
        var combinations = Operations.SelectMany(operation => Refusals.SelectMany(refusal => refusal.Errors.Select(error => (operation, refusal.Call, error)))).ToList();
        for (var at = 0; at < combinations.Count; at += every)
        {
            var (operation, call, error) = combinations[at];
            await using var host = await Host.StartAsync(tally);
            for (var when = 1; when <= most && await TryAsync(host, operation, call, error, when.ToString(CultureInfo.InvariantCulture)); when++)
            {
                // From then on, too, for as long as the outage lasts.
                await TryAsync(host, operation, call, error, string.Create(CultureInfo.InvariantCulture, $"{when}+"));
            }
        }

        if (!_hit)
            tally.Violation("strace", "no refusal hit anything");
    }

    private async Task<bool> TryAsync(Host host, string operation, string call, string error, string when)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"e{++_number}");
        var context = $"{error} at {call} number {when} of {operation} ({name})";
        var machine = operation == "run" ? null : await host.CreateAsync(name, "clock;hang", RestartMode.No);
        if (operation == "start")
            await host.Machines.KillMachineAsync(new() { Machine = name });

        bool hit;
        StatusCode code;
        await using (var strace = await Strace.AttachAsync(host.Daemon.Pid, call, $"error={error}", when, children: false, Path.Combine(host.Daemon.Directory, name), Files(host, call, machine)))
        {
            var performing = PerformAsync(host, operation, name, context);
            await Task.WhenAny(performing, Task.Delay(Outage, TimeProvider.System));
            hit = strace.Hit;
            await strace.DetachAsync();
            code = await performing;
        }

        _hit |= hit;
        if (hit)
            tally.Fault($"{error} at a call of {operation} that writes");
        if (host.Daemon.HasExited)
        {
            tally.Violation("8", $"the daemon died of {context}");
            await host.RestartAsync();
        }

        await host.SettleAsync(context, litter: true);
        await CheckAsync(host, operation, name, code, context);

        // What is on disk is sound too.
        await host.KillDaemonAsync();
        await host.SettleAsync($"a restart after {context}");
        await CheckAsync(host, operation, name, code, $"a restart after {context}");
        foreach (var left in await host.ListAsync())
            await host.Machines.DeleteMachineAsync(new() { Machine = left.Id, Force = true });

        return hit;
    }

    // .NET writes into pipes of its own, and ends the process where that fails, which no disk can bring about.
    private static string[] Files(Host host, string call, Victim? machine)
    {
        if (call != "write")
            return [];

        var events = Path.Combine(host.Daemon.StateDir, "events.jsonl");
        string[] records = machine is null ? [] : [.. Records.Select(name => Path.Combine(host.Daemon.MachineDirectory(machine.Id), name))];
        return [.. new[] { events }.Concat(records).SelectMany(path => new[] { path, path + ".new" })];
    }

    private async Task<StatusCode> PerformAsync(Host host, string operation, string name, string context)
    {
        _unknown = false;
        try
        {
            switch (operation)
            {
                case "run":
                    await host.Machines.RunMachineAsync(new() { Name = name, Spec = host.Spec("clock;hang") }, deadline: Host.Deadline);
                    break;
                case "start":
                    await host.Machines.StartMachineAsync(new() { Machine = name }, deadline: Host.Deadline);
                    break;
                case "update":
                    await host.Machines.UpdateMachineAsync(new() { Machine = name, RestartPolicy = new() { Mode = RestartMode.Always } }, deadline: Host.Deadline);
                    break;
                case "halt":
                    await host.Machines.HaltMachineAsync(new() { Machine = name }, deadline: Host.Deadline);
                    break;
                default:
                    await host.Machines.DeleteMachineAsync(new() { Machine = name, Force = true }, deadline: Host.Deadline);
                    break;
            }

            return StatusCode.OK;
        }
        catch (RpcException e)
        {
            // A bug in the daemon, a hang, or a daemon that died: none is an answer to a disk that refuses.
            if (e.StatusCode is StatusCode.Unknown or StatusCode.DeadlineExceeded or StatusCode.Unavailable || e.Status.Detail.StartsWith("an internal error", StringComparison.Ordinal))
                tally.Violation("8", $"{context} was answered by {e.StatusCode}: {e.Status.Detail}\n{host.Daemon.Log}");
            _unknown = e.Status.Detail.Contains("is unknown", StringComparison.Ordinal);
            if (operation == "halt")
                tally.Violation("8", $"a halt failed because of {context}: {e.Status.Detail}");

            return e.StatusCode;
        }
    }

    private async Task CheckAsync(Host host, string operation, string name, StatusCode code, string context)
    {
        var found = (await host.ListAsync()).FirstOrDefault(one => one.Name == name);
        var wrong = (operation, code) switch
        {
            _ when _unknown => false,
            ("run" or "start", StatusCode.OK) => found is not { HasHypervisorPid: true },
            ("run" or "start", _) => found is { HasHypervisorPid: true },
            ("update", StatusCode.OK) => found?.RestartPolicy.Mode != RestartMode.Always,
            ("update", _) => found is not { HasHypervisorPid: true, RestartPolicy.Mode: RestartMode.No },
            ("halt", _) => found is null or { HasHypervisorPid: true },
            ("delete", StatusCode.OK) => found is not null,
            _ => false,
        };
        if (wrong)
            tally.Violation("I4", $"after {context}, answered by {code}, {name} is {found?.State.ToString() ?? "gone"}, policy {found?.RestartPolicy.Mode}");
    }
}
