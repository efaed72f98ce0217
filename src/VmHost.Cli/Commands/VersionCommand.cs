using System.CommandLine;
using System.Reflection;
using System.Text.Json;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class VersionCommand
{
    internal static Command Create()
    {
        var format = CommonOptions.Format();
        var command = new Command("version", "Show the versions of vmctl and of the daemon") { format };
        command.SetAction(async (parsed, ct) =>
        {
            var client = Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "";
            var json = parsed.GetValue(format) == CommonOptions.Json;
            if (!json)
                Output.Line($"vmctl    {client}");

            using var daemon = Connection.Open(parsed);
            var host = await daemon.Host.GetHostInfoAsync(new(), cancellationToken: ct);
            Output.Line(json
                ? JsonSerializer.Serialize(new VersionView(client, host.Version), MachineJson.Default.VersionView)
                : $"vmhostd  {Output.Visible(host.Version)}");
            return ExitCodes.Ok;
        });
        return command;
    }
}
