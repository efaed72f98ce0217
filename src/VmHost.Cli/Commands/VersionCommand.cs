using System.CommandLine;
using System.Reflection;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;

namespace VmHost.Cli.Commands;

internal static class VersionCommand
{
    internal static Command Create()
    {
        var command = new Command("version", "Show the versions of vmctl and of the daemon");
        command.SetAction(async (parsed, ct) =>
        {
            var client = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "";
            var json = CommonOptions.IsStructured(parsed);
            if (!json)
                Output.Line($"vmctl    {client}");

            var code = ExitCodes.Ok;
            string? server = null;
            try
            {
                using var daemon = Connection.Open(parsed);
                server = (await daemon.HostInfoAsync(ct)).Version;
            }
            catch (Exception e) when (e is RpcException or DaemonUnreachableException)
            {
                // The client's own version is worth knowing most when the daemon does not answer.
                code = Errors.Report(e);
            }

            if (json)
                CommonOptions.Print(parsed, MachineJson.Of(new VersionView(client, server)));
            else if (server is not null)
                Output.VisibleLine($"vmhostd  {server}");
            return code;
        });
        return command;
    }
}
