using Google.Rpc;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;

namespace VmHost.Cli;

/// <summary>Turns what went wrong into lines for a person and an exit code.</summary>
internal static class Errors
{
    // Which flag sets the field that is at fault.
    private static readonly Dictionary<string, string> Flags = new(StringComparer.Ordinal)
    {
        ["name"] = "--name",
        ["spec.boot.triple_prefix"] = "PREFIX",
        ["spec.boot.kernel_path"] = "--kernel",
        ["spec.boot.initrd_path"] = "--initrd",
        ["spec.boot.command_line"] = "--cmdline",
        ["spec.cpu_count"] = "--cpus",
        ["spec.memory_bytes"] = "--memory",
        ["spec.published_ports"] = "--publish",
        ["spec.hypervisor"] = "--hypervisor",
        ["spec.uuid"] = "--uuid",
        ["grace"] = "--time",
        ["tail_lines"] = "--tail",
    };

    /// <summary>Writes to stderr and returns the exit code.</summary>
    internal static int Report(Exception e)
    {
        var (code, lines) = Describe(e);
        foreach (var line in lines)
            Output.Error(line);
        return code;
    }

    private static (int Code, IReadOnlyList<string> Lines) Describe(Exception e)
    {
        if (DaemonUnreachableException.Find(e) is { } unreachable)
            return (unreachable.Reason == UnreachableReason.PermissionDenied ? ExitCodes.Permission : ExitCodes.Unreachable, [Describe(unreachable)]);

        return e switch
        {
            CliException cli => (cli.ExitCode, cli.Lines),
            RpcException rpc => (ExitCodes.Of(rpc.StatusCode), Describe(rpc)),
            OperationCanceledException => (ExitCodes.Interrupted, ["interrupted"]),
            _ => (ExitCodes.Failed, [e.Message]),
        };
    }

    private static string Describe(DaemonUnreachableException e) =>
        e.Reason switch
        {
            UnreachableReason.NoSocketFile => $"cannot reach vmhostd: there is no socket file {e.SocketPath}; start it with: vmhostd (or name its socket with --host or VMHOST_SOCKET)",
            UnreachableReason.Refused => $"cannot reach vmhostd: nobody listens on {e.SocketPath}, so the daemon was killed; start it with: vmhostd",
            UnreachableReason.PermissionDenied => $"cannot reach vmhostd: permission to {e.SocketPath} is denied; a daemon serves only its own user and root: run vmctl as that user, or start your own with: vmhostd",
            UnreachableReason.TimedOut => $"cannot reach vmhostd: {e.Detail} ({e.SocketPath}); look whether it hangs, and restart it if so: machines go on meanwhile",
            UnreachableReason.ForeignServer => $"will not talk to {e.SocketPath}: {e.Detail}; name your own daemon's socket with --host or VMHOST_SOCKET",
            UnreachableReason.PathTooLong => $"cannot reach vmhostd at {e.SocketPath}: {e.Detail}; use a shorter path (--run-dir of vmhostd, --host of vmctl)",
            _ => $"cannot reach vmhostd at {e.SocketPath}: {e.Detail}; start it with: vmhostd",
        };

    private static IReadOnlyList<string> Describe(RpcException e)
    {
        var violations = e.GetRpcStatus()?.GetDetail<BadRequest>()?.FieldViolations;
        return violations is { Count: > 0 }
            ? [.. violations.Select(violation => $"{violation.Field}{FlagOf(violation.Field)}: {violation.Description}")]
            : [e.Status.Detail];
    }

    private static string FlagOf(string field)
    {
        var plain = field.IndexOf('[', StringComparison.Ordinal) is >= 0 and var at ? field[..at] : field;
        return Flags.TryGetValue(plain, out var flag) ? $" ({flag})" : "";
    }
}
