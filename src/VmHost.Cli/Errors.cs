using System.Text.RegularExpressions;
using Google.Protobuf.Collections;
using Google.Rpc;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;

namespace VmHost.Cli;

/// <summary>Turns what went wrong into lines for a person and an exit code.</summary>
internal static partial class Errors
{
    // Which flag sets the field that is at fault.
    private static readonly Dictionary<string, string> Flags = new(StringComparer.Ordinal)
    {
        ["name"] = "--name",
        ["machine"] = "MACHINE",
        ["spec.boot"] = "PREFIX",
        ["spec.boot.triple_prefix"] = "PREFIX",
        ["spec.boot.kernel_path"] = "--kernel",
        ["spec.boot.initrd_path"] = "--initrd",
        ["spec.boot.command_line"] = "--cmdline",
        ["spec.cpu_count"] = "--cpus",
        ["spec.memory_bytes"] = "--memory",
        ["spec.published_ports"] = "--publish",
        ["spec.hypervisor"] = "--hypervisor",
        ["spec.uuid"] = "--uuid",
        ["spec.disks"] = "--disk",
        ["spec.cdrom_paths"] = "--cdrom",
        ["spec.networks.mode"] = "--network",
        ["spec.networks.vpnkit_socket"] = "--network",
        ["spec.networks.mac_address"] = "--mac",
        ["spec.second_serial_path"] = "--second-serial",
        ["spec.on_reboot"] = "--on-reboot",
        ["new_name"] = "NAME",
        ["condition"] = "--for",
        ["grace"] = "--time",
        ["tail_lines"] = "--tail",
    };

    /// <summary>Writes to stderr and returns the exit code.</summary>
    /// <param name="e">What went wrong.</param>
    /// <param name="what">What was being done, where several things are or more than one could be meant.</param>
    internal static int Report(Exception e, string? what = null)
    {
        var (code, lines) = Describe(e, what);
        foreach (var line in lines)
            Output.Error(line);
        return code;
    }

    /// <summary>True where the daemon said no, as against not being there or not being asked any more.</summary>
    internal static bool IsRefusal(RpcException e) =>
        DaemonUnreachableException.Find(e) is null && e.StatusCode is not (StatusCode.Unavailable or StatusCode.Cancelled);

    internal static (int Code, IReadOnlyList<string> Lines) Describe(Exception e, string? what)
    {
        if (DaemonUnreachableException.Find(e) is { } unreachable)
            return (unreachable.Reason == UnreachableReason.PermissionDenied ? ExitCodes.Permission : ExitCodes.Unreachable, [Describe(unreachable)]);

        return e switch
        {
            CliException cli => (cli.ExitCode, cli.Lines),
            OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } =>
                (ExitCodes.Interrupted, ["interrupted; what the daemon was asked to do it goes on doing, see: vmctl ls"]),
            RpcException rpc => (ExitCodes.Of(rpc.StatusCode), Describe(rpc, what)),
            _ => (ExitCodes.Failed, [e.Message]),
        };
    }

    private static string Describe(DaemonUnreachableException e) =>
        e.Reason switch
        {
            UnreachableReason.NoSocketFile => $"cannot reach vmhostd: there is no socket file {e.SocketPath}; start it with: vmhostd (or name its socket with --host or VMHOST_SOCKET)",
            UnreachableReason.Refused => $"cannot reach vmhostd: the connection to {e.SocketPath} is refused, so nobody listens any more; start it with: vmhostd",
            UnreachableReason.PermissionDenied => $"cannot reach vmhostd: permission to {e.SocketPath} is denied; a daemon serves only its own user and root: run vmctl as that user, or start your own with: vmhostd",
            UnreachableReason.TimedOut => $"cannot reach vmhostd: timeout, {e.Detail} ({e.SocketPath}); look whether it hangs, and restart it if so: machines go on meanwhile",
            UnreachableReason.ForeignServer => $"will not talk to {e.SocketPath}: {e.Detail}; name your own daemon's socket with --host or VMHOST_SOCKET",
            UnreachableReason.PathTooLong => $"cannot reach vmhostd at {e.SocketPath}: {e.Detail}; use a shorter path (--run-dir of vmhostd, --host of vmctl)",
            _ => $"cannot reach vmhostd at {e.SocketPath}: {e.Detail}; start it with: vmhostd",
        };

    private static IReadOnlyList<string> Describe(RpcException e, string? what)
    {
        var violations = ViolationsOf(e);
        if (violations is { Count: > 0 })
            return [.. violations.Select(violation => $"{violation.Field}{FlagOf(violation.Field)}: {violation.Description}")];

        var why = e.StatusCode switch
        {
            StatusCode.Unavailable => $"no connection to vmhostd: {e.Status.Detail}; look whether it runs, or start it with: vmhostd",
            StatusCode.Unimplemented => $"vmhostd does not know this: {e.Status.Detail}; compare with: vmctl version",
            _ => e.Status.Detail.Length > 0 ? e.Status.Detail : e.StatusCode.ToString(),
        };
        return [what is null ? why : $"{what}: {why}"];
    }

    private static RepeatedField<BadRequest.Types.FieldViolation>? ViolationsOf(RpcException e)
    {
        try
        {
            return e.GetRpcStatus()?.GetDetail<BadRequest>()?.FieldViolations;
        }
        catch (Google.Protobuf.InvalidProtocolBufferException)
        {
            // The plain status is there all the same.
            return null;
        }
    }

    [GeneratedRegex(@"\[[0-9]+\]", RegexOptions.NonBacktracking)]
    private static partial Regex Index();

    private static string FlagOf(string field)
    {
        // Of an element of a list, or of a field of one.
        var path = Index().Replace(field, "");
        while (path.Length > 0)
        {
            if (Flags.TryGetValue(path, out var flag))
                return $" ({flag})";
            path = path[..Math.Max(0, path.LastIndexOf('.'))];
        }

        return "";
    }
}
