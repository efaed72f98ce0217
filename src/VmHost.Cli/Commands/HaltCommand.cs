using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class HaltCommand
{
    private const int DefaultSeconds = 30;

    internal static Command Create()
    {
        var machines = CommonOptions.Machines(optional: true);
        var time = new Option<int>("--time", "-t", "--timeout") { Description = "Seconds the guest may take before it is killed", DefaultValueFactory = _ => DefaultSeconds };
        var noKill = new Option<bool>("--no-kill") { Description = "Fail instead of killing it" };
        var force = new Option<bool>("--force", "-f") { Description = "Kill it now" };
        var all = new Option<bool>("--all", "-a") { Description = "All that run" };
        var format = CommonOptions.Format();
        var command = new Command("halt", "Power machines off and wait until they are gone") { machines, time, noKill, force, all, format };
        command.Aliases.Add("stop");
        command.Aliases.Add("shutdown");
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            var chosen = await CommonOptions.NamedOrRunningAsync(daemon, parsed.GetValue(machines)!, parsed.GetValue(all), ct);
            if (parsed.GetValue(force))
                return await KillCommand.KillAsync(daemon, chosen, parsed.GetValue(format), ct);

            return await CommonOptions.ForEachAsync(chosen, async machine =>
            {
                var request = new HaltMachineRequest
                {
                    Machine = machine,
                    Grace = new Duration { Seconds = parsed.GetValue(time) },
                    OnTimeout = parsed.GetValue(noKill) ? HaltTimeoutAction.Fail : HaltTimeoutAction.Kill,
                };
                if (!Console.IsErrorRedirected)
                    Output.Note($"{machine}: power button pressed, waiting up to {request.Grace.Seconds} s");
                var response = await daemon.Machines.HaltMachineAsync(request, cancellationToken: ct);
                if (response.Killed)
                    Output.Note($"{response.Machine.Name}: did not power off within {request.Grace.Seconds} s and was killed");
                CommonOptions.Print(response.Machine, parsed.GetValue(format));
                return ExitCodes.Ok;
            });
        });
        return command;
    }
}
