using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using VmHost.Cli.Terminal;

namespace VmHost.Cli.Commands;

/// <summary><c>restart</c>, which asks the guest, and <c>reset</c>, which does not.</summary>
internal static class RestartCommands
{
    private const int DefaultSeconds = 30;

    internal static Command CreateRestart()
    {
        var machines = CommonOptions.Machines();
        var time = NumberSyntax.Option<long>("--time", "-t", "SECONDS", $"Time for the guest to power off (default {DefaultSeconds})");
        time.Aliases.Add("--timeout");
        var force = new Option<bool>("--force", "-f") { Description = "Kill a guest that does not power off in time (default: fail, and leave it running)" };
        var type = new Option<string?>("--type") { Description = "Type this on the console if the guest ignores the power button", HelpName = "TEXT" };
        var command = new Command("restart", "Halt machines and start them again; start those that do not run") { machines, time, force, type };
        command.Aliases.Add("reboot");
        command.SetAction(async (parsed, ct) =>
        {
            var grace = Math.Clamp(parsed.GetValue(time) ?? DefaultSeconds, -Duration.MaxSeconds, Duration.MaxSeconds);
            using var daemon = Connection.Open(parsed);
            return await MachineBatch.RunAsync(parsed, parsed.GetValue(machines)!, async machine =>
            {
                var request = new Protocol.V1.RestartMachineRequest { Machine = machine, Grace = new() { Seconds = grace }, Force = parsed.GetValue(force) };
                if (parsed.GetValue(type) is { } line)
                    request.ConsoleLine = line;
                if (Output.HasWatcher)
                    Output.Note($"{machine}: asked to power off, waiting up to {grace} s");

                var response = await daemon.Machines.RestartMachineAsync(request, cancellationToken: ct);
                Output.Warnings(response.Warnings);
                return BatchResult.Of(response.Machine);
            });
        });
        return command;
    }

    internal static Command CreateReset()
    {
        var machines = CommonOptions.Machines();
        var command = new Command("reset", "Restart machines immediately, without a guest shutdown") { machines };
        command.SetAction(async (parsed, ct) =>
        {
            using var daemon = Connection.Open(parsed);
            return await MachineBatch.RunAsync(parsed, parsed.GetValue(machines)!, async machine =>
            {
                var response = await daemon.Machines.ResetMachineAsync(new() { Machine = machine }, cancellationToken: ct);
                Output.Warnings(response.Warnings);
                return BatchResult.Of(response.Machine);
            });
        });
        return command;
    }
}
