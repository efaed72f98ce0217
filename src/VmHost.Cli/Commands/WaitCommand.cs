using System.CommandLine;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class WaitCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var condition = new Option<string>("--for") { Description = "What to wait for", HelpName = WaitSyntax.HelpName, DefaultValueFactory = _ => "stopped" };
        var timeout = TimeLimit.Option();
        var command = new Command("wait", "Wait until machines do not run; print why they ended and exit by it") { machines, condition, timeout };
        command.SetAction(async (parsed, ct) =>
        {
            var text = parsed.GetValue(condition)!;
            var request = WaitSyntax.Parse("--for", text);
            var limit = TimeLimit.Of(parsed, timeout);
            using var daemon = Connection.Open(parsed);
            var names = parsed.GetValue(machines)!;
            return await MachineBatch.RunAsync(parsed, names, async name =>
            {
                var machine = await WaitSyntax.WaitAsync(daemon, name, request, text, limit, ct);
                if (request.KindCase != WaitCondition.KindOneofCase.Stopped)
                    return BatchResult.Of(machine);

                var reason = Describe.Exit(machine.LastExit);
                return new BatchResult(
                    names.Length > 1 ? $"{machine.Name}: {reason}" : reason, MachineInfo.Of(machine), ExitCodes.OfWait(machine.LastExit));
            });
        });
        return command;
    }
}
