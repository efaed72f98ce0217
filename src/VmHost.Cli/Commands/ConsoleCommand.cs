using System.CommandLine;
using VmHost.Cli.Terminal;
using VmHost.Client;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class ConsoleCommand
{
    private const long ScreenLines = 24;

    internal static Command Create()
    {
        var machine = CommonOptions.Machine();
        var readOnly = new Option<bool>("--read-only") { Description = "Send no keys to the guest" };
        var tail = NumberSyntax.Option<long>("--tail", "-n", "LINES", "Show the last so many lines first (default: 24)");
        var command = new Command("console", "Type at a machine's console; Ctrl-] leaves it") { machine, readOnly, tail };
        command.Aliases.Add("attach");
        command.SetAction(async (parsed, ct) =>
        {
            if (!RawTerminal.IsPossible)
                throw new CliException(ExitCodes.Usage, "console wants a terminal for stdin and stdout; to read the output use: vmctl logs -f, to type: vmctl send");

            using var daemon = Connection.Open(parsed);
            var running = await daemon.GetAsync(parsed.GetValue(machine)!, ct);
            if (running.State is MachineState.Created or MachineState.Stopped or MachineState.Failed)
                throw new CliException(ExitCodes.Conflict, $"{running.Name} does not run; start it with: vmctl start {running.Name}, or read its output with: vmctl logs {running.Name}");

            Output.Note($"The console of {running.Name}; Ctrl-] or ~. at the beginning of a line leaves it.");
            var offset = await ReplayAsync(daemon, running, parsed.GetValue(tail) ?? ScreenLines, ct);
            if (await new ConsoleSession(daemon, running, parsed.GetValue(readOnly)).RunAsync(offset, ct))
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

    // Made harmless: a question in old output (where is the cursor?) would be answered by the terminal, and the answer
    // typed into the guest. Returns where it ended, so that the session begins without a gap or a repeat.
    private static async Task<long> ReplayAsync(Connection daemon, Machine machine, long lines, CancellationToken ct)
    {
        var sanitizer = new ConsoleSanitizer();
        var end = 0L;
        var output = new ResumingConsole(daemon.Console, TimeProvider.System);
        await foreach (var chunk in output.ReadAsync(new() { Machine = machine.Id, TailLines = lines }, ct))
        {
            end = chunk.Offset + chunk.Data.Length;
            StandardStreams.Write(sanitizer.Clean(chunk.Data.Span).Span);
        }

        StandardStreams.Write(sanitizer.Finish().Span);
        return end;
    }
}
