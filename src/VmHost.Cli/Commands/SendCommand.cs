using System.CommandLine;
using System.Text;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Client;

namespace VmHost.Cli.Commands;

internal static class SendCommand
{
    private const byte Enter = (byte)'\r';

    internal static Command Create()
    {
        var machine = CommonOptions.Machine();
        var text = new Argument<string>("TEXT") { Description = "Text to type; - for stdin, as it is" };
        var noEnter = new Option<bool>("--no-enter") { Description = "Do not press Enter after TEXT" };
        var force = new Option<bool>("--force", "-f") { Description = "Type also while another client holds the console" };
        var expect = new Option<string?>("--expect", "-e") { Description = "Wait for output after TEXT that matches; print the offset after it, and it", HelpName = "REGEX" };
        var timeout = TimeLimit.Option();
        var command = new Command("send", "Type TEXT and Enter at a machine's console") { machine, text, noEnter, force, expect, timeout };
        command.SetAction(async (parsed, ct) =>
        {
            var pattern = parsed.GetValue(expect);
            var limit = TimeLimit.Of(parsed, timeout);
            if (limit is not null && pattern is null)
                throw new CliException(ExitCodes.Usage, "--timeout goes with --expect");

            using var daemon = Connection.Open(parsed);
            var input = new ConsoleWriter(daemon.Console, TimeProvider.System) { Force = parsed.GetValue(force) };
            var name = parsed.GetValue(machine)!;
            var begin = await TypeAsync(input, name, parsed.GetValue(text)!, parsed.GetValue(noEnter), ct);
            if (pattern is not null)
            {
                if (begin is not { } offset)
                    throw new CliException(ExitCodes.Usage, "nothing was typed, so there is no output after it to expect");

                await ExpectCommand.PrintAsync(daemon, new() { Machine = name, Pattern = pattern, AfterWrite = offset }, limit, ct);
            }

            return ExitCodes.Ok;
        });
        return command;
    }

    // Returns the end of the output before the first byte was typed; null if nothing was.
    private static async Task<long?> TypeAsync(ConsoleWriter input, string machine, string text, bool noEnter, CancellationToken ct)
    {
        long? begin = null;
        if (text != "-")
        {
            byte[] keys = [.. Encoding.UTF8.GetBytes(text), .. noEnter ? [] : new[] { Enter }];
            for (var at = 0; at < keys.Length; at += ConsoleWriter.MaxLength)
                begin = First(begin, await SendAsync(input, machine, keys.AsMemory(at, Math.Min(ConsoleWriter.MaxLength, keys.Length - at)), ct));
            return begin;
        }

        var buffer = new byte[ConsoleWriter.MaxLength];
        while (StandardStreams.Read(buffer) is > 0 and var count)
            begin = First(begin, await SendAsync(input, machine, buffer.AsMemory(0, count), ct));
        return begin;
    }

    private static long First(long? begin, long next) => begin ?? next;

    private static async Task<long> SendAsync(ConsoleWriter input, string machine, ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        try
        {
            return (await input.WriteAsync(machine, data, ct))?.EndOffset
                ?? throw new CliException(ExitCodes.Failed, $"the daemon went away; {data.Length} bytes may not have been typed");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
        {
            throw new CliException(ExitCodes.Conflict, $"{e.Status.Detail}; type all the same with: vmctl send --force");
        }
    }
}
