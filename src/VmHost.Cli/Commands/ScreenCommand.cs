using System.CommandLine;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class ScreenCommand
{
    internal static Command Create()
    {
        var machine = CommonOptions.Machine();
        var columns = NumberSyntax.Option<int>("--columns", "-c", "N", "How wide (default: as the last console was, else 80)");
        var rows = NumberSyntax.Option<int>("--rows", "-r", "N", "How high (default: as the last console was, else 24)");
        var command = new Command("screen", "Show what a terminal at a machine's console would show now") { machine, columns, rows };
        command.SetAction(async (parsed, ct) =>
        {
            var request = new GetConsoleScreenRequest { Machine = parsed.GetValue(machine) };
            if (parsed.GetValue(columns) is { } width)
                request.Columns = width;
            if (parsed.GetValue(rows) is { } height)
                request.Rows = height;

            using var daemon = Connection.Open(parsed);
            var screen = await daemon.Console.GetConsoleScreenAsync(request, cancellationToken: ct);
            if (CommonOptions.IsStructured(parsed))
            {
                CommonOptions.Print(parsed, MachineJson.Of(new ScreenView([.. screen.Lines], screen.CursorColumn, screen.CursorRow)));
                return ExitCodes.Ok;
            }

            foreach (var line in screen.Lines.Take(screen.Lines.ToList().FindLastIndex(static line => line.Length > 0) + 1))
                Output.VisibleLine(line);
            return ExitCodes.Ok;
        });
        return command;
    }
}
