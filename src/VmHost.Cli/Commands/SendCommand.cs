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
        var text = new Argument<string>("TEXT") { Description = "What to type; - for stdin, as it is" };
        var noEnter = new Option<bool>("--no-enter") { Description = "Do not press Enter behind TEXT" };
        var force = new Option<bool>("--force", "-f") { Description = "Also while somebody else types there" };
        var command = new Command("send", "Type TEXT and Enter at a machine's console") { machine, text, noEnter, force };
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var input = new ConsoleInput(daemon.Console, TimeProvider.System) { Force = parsed.GetValue(force) };
            var name = parsed.GetValue(machine)!;
            if (parsed.GetValue(text) is { } given and not "-")
            {
                byte[] keys = [.. Encoding.UTF8.GetBytes(given), .. parsed.GetValue(noEnter) ? [] : new[] { Enter }];
                for (var at = 0; at < keys.Length; at += ConsoleInput.MaxLength)
                    await SendAsync(input, name, keys.AsMemory(at, Math.Min(ConsoleInput.MaxLength, keys.Length - at)), ct);
                return ExitCodes.Ok;
            }

            var buffer = new byte[ConsoleInput.MaxLength];
            while (StandardStreams.Read(buffer) is > 0 and var count)
                await SendAsync(input, name, buffer.AsMemory(0, count), ct);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task SendAsync(ConsoleInput input, string machine, ReadOnlyMemory<byte> data, CancellationToken ct)
    {
        try
        {
            if (!await input.WriteAsync(machine, data, ct))
                throw new CliException(ExitCodes.Failed, $"the daemon went away; {data.Length} bytes may not have been typed");
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Aborted)
        {
            throw new CliException(ExitCodes.Conflict, $"{e.Status.Detail}; type all the same with: vmctl send --force");
        }
    }
}
