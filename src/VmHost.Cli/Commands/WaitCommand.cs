using System.CommandLine;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

internal static class WaitCommand
{
    internal static Command Create()
    {
        var machines = CommonOptions.Machines();
        var command = new Command("wait", "Wait until machines do not run; print why they ended and exit by it") { machines };
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var names = parsed.GetValue(machines)!;
            return await MachineBatch.RunAsync(parsed, names, async name =>
            {
                var machine = await daemon.EndOfAsync(name, ct);
                var reason = Describe.Exit(machine.LastExit);
                return new BatchResult(
                    names.Length > 1 ? $"{machine.Name}: {reason}" : reason, MachineView.Of(machine), ExitCodes.OfWait(machine.LastExit));
            });
        });
        return command;
    }
}
