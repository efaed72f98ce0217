using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class HaltCommand
{
    private const int DefaultSeconds = 30;

    // What a Duration can say; the daemon's limit is far below.
    private const long MaxSeconds = Duration.MaxSeconds;

    internal static Command Create()
    {
        var machines = CommonOptions.Machines(optional: true);
        var time = NumberSyntax.Option<long>("--time", "-t", "SECONDS", $"What the guest may take before it is killed (default {DefaultSeconds})");
        time.Aliases.Add("--timeout");
        var noKill = new Option<bool>("--no-kill") { Description = "Fail instead of killing it" };
        var force = new Option<bool>("--force", "-f") { Description = "Kill it now" };
        var all = CommonOptions.All();
        var type = new Option<string?>("--type") { Description = "Type this on the console if the power button is not answered", HelpName = "TEXT" };
        var command = new Command("halt", "Power machines off and wait until they are gone") { machines, time, noKill, force, type, all };
        command.Aliases.Add("stop");
        command.Aliases.Add("shutdown");
        command.SetAction(async (parsed, ct) =>
        {
            if (parsed.GetValue(force) && parsed.GetValue(noKill))
                throw new CliException(ExitCodes.Usage, "--force kills and --no-kill forbids it; give one of them");

            var template = new HaltMachineRequest
            {
                Grace = new Duration { Seconds = Math.Clamp(parsed.GetValue(time) ?? DefaultSeconds, -MaxSeconds, MaxSeconds) },
                OnTimeout = parsed.GetValue(noKill) ? HaltTimeoutAction.Fail : HaltTimeoutAction.Kill,
            };
            if (parsed.GetValue(type) is { } line)
                template.ConsoleLine = line;

            using var daemon = Connection.Open(parsed);
            var chosen = await MachineBatch.NamedOrRunningAsync(daemon, parsed.GetValue(machines)!, parsed.GetValue(all), ct);
            return await MachineBatch.RunAsync(
                parsed,
                chosen,
                machine => parsed.GetValue(force) ? KillCommand.KillAsync(daemon, machine, ct) : HaltAsync(daemon, machine, template, ct));
        });
        return command;
    }

    private static async Task<BatchResult> HaltAsync(Connection daemon, string machine, HaltMachineRequest template, CancellationToken ct)
    {
        var request = template.Clone();
        request.Machine = machine;
        if (Output.HasWatcher)
            Output.Note($"{machine}: asked to power off, waiting up to {request.Grace.Seconds} s");

        var response = await daemon.Machines.HaltMachineAsync(request, cancellationToken: ct);
        if (response.Killed)
            Output.Error($"{response.Machine.Name}: did not power off within {request.Grace.Seconds} s and was killed");
        else if (!response.Changed && Output.HasWatcher)
            Output.Note($"{response.Machine.Name}: did not run");

        return BatchResult.Of(response.Machine);
    }
}
