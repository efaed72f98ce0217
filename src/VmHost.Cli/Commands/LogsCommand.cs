using System.CommandLine;
using System.Globalization;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class LogsCommand
{
    internal static Command Create()
    {
        var machine = CommonOptions.Machine();
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the machine ends" };
        var tail = new Option<string>("--tail", "-n") { Description = "Begin with the last so many", HelpName = "LINES|all", DefaultValueFactory = _ => "all" };
        var raw = new Option<bool>("--raw") { Description = "To a terminal too, pass every byte as it is" };
        var command = new Command("logs", "Show a machine's console output") { machine, follow, tail, raw };
        command.SetAction(async (parsed, ct) =>
        {
            var request = new ReadConsoleRequest { Machine = parsed.GetValue(machine), Follow = parsed.GetValue(follow) };
            if (parsed.GetValue(tail) is { } lines and not "all")
            {
                request.TailLines = long.TryParse(lines, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count)
                    ? count
                    : throw new CliException(ExitCodes.Usage, $"--tail wants a number of lines or 'all', not '{lines}'");
            }
            else
            {
                request.Offset = 0;
            }

            using var daemon = Connection.Open(parsed);
            await ConsoleCopy.RunAsync(daemon, request, parsed.GetValue(raw), ct);
            return ExitCodes.Ok;
        });
        return command;
    }
}
