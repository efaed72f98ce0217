using System.CommandLine;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class ConsoleCommand
{
    internal static Command Create()
    {
        var machine = CommonOptions.Machine();
        var readOnly = new Option<bool>("--read-only") { Description = "Send no keys to the guest" };
        var force = new Option<bool>("--force", "-f") { Description = "Take over from whoever types there" };
        var tail = NumberSyntax.Option<long>("--tail", "-n", "LINES", "Show the last so many lines first (default: the screen as it is)");
        var record = new Option<string?>("--record") { Description = "Write what is shown to a new asciicast file, for asciinema", HelpName = "FILE.cast" };
        var command = new Command("console", "Type at a machine's console; Ctrl-] leaves it") { machine, readOnly, force, tail, record };
        command.Aliases.Add("attach");
        command.SetAction(async (parsed, ct) =>
        {
            if (!RawTerminal.IsPossible)
                throw new CliException(ExitCodes.Usage, "console wants a terminal for stdin and stdout; to read the output use: vmctl logs -f, to type: vmctl send");
            if (parsed.GetValue(readOnly) && parsed.GetValue(force))
                throw new CliException(ExitCodes.Usage, "--force takes the keyboard, which --read-only does without: give one of them");

            using var daemon = Connection.Open(parsed);
            var running = await daemon.GetAsync(parsed.GetValue(machine)!, ct);
            if (running.State is MachineState.Created or MachineState.Stopped or MachineState.Failed)
                throw new CliException(ExitCodes.Conflict, $"{running.Name} does not run; start it with: vmctl start {running.Name}, or read its output with: vmctl logs {running.Name}");

            // Before the screen is drawn: another client may type there. What the screen has already is not shown again.
            await using var console = await ConsoleSession.AttachAsync(daemon, running, offset: null, parsed.GetValue(readOnly), parsed.GetValue(force), ct);
            using var recording = parsed.GetValue(record) is { } path
                ? new Recording(NewFile.Create("--record", path), TerminalSize.Now ?? new(80, 24), $"vmctl console {running.Name}", TimeProvider.System)
                : null;

            Output.Note($"The console of {running.Name}; Ctrl-] or ~. at the beginning of a line leaves it.");
            var replay = new ConsoleReplay(daemon, running, recording);
            var offset = await (parsed.GetValue(tail) is { } lines ? replay.LinesAsync(lines, ct) : replay.ScreenAsync(ct));
            if (await new ConsoleSession(running, console, recording).RunAsync(offset, ct))
            {
                Output.Note($"Left the console of {running.Name}, which goes on; come back with: vmctl console {running.Name}");
                return ExitCodes.Ok;
            }

            var ended = await daemon.EndOfAsync(running.Id, ct);
            Output.Note(Describe.End(ended));
            return ExitCodes.OfRun(ended.LastExit);
        });
        return command;
    }
}
