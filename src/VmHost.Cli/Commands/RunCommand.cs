using System.CommandLine;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

internal static class RunCommand
{
    internal static Command Create(Interrupts interrupts)
    {
        var spec = new SpecOptions();
        var detach = new Option<bool>("--detach", "-d") { Description = "Return once it runs, and print its name" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the command line that would run" };
        var remove = new Option<bool>("--rm") { Description = "Delete it when it has ended" };
        var command = new Command("run", "Create a machine from PREFIX-kernel, PREFIX-initrd.img and PREFIX-cmdline, and run it") { detach, dryRun, remove };
        spec.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var request = spec.ToRequest(parsed);
            if (parsed.GetValue(remove) && parsed.GetValue(detach))
                throw new CliException(ExitCodes.Usage, "--rm does not go with --detach: nobody would be there to delete it");

            using var daemon = Connection.Open(parsed);
            Machine machine;
            try
            {
                if (parsed.GetValue(dryRun))
                    return await PlanAsync(daemon, request, CommonOptions.IsJson(parsed), ct);

                var response = await daemon.RunAsync(request, ct);
                Output.Warnings(response.Warnings);
                machine = response.Machine;
            }
            catch (RpcException e) when (Errors.IsRefusal(e))
            {
                Errors.Report(e, "run");
                return ExitCodes.Refused;
            }

            if (!parsed.GetValue(detach))
                return await new ForegroundRun(daemon, machine).UntilEndAsync(interrupts, parsed.GetValue(remove));

            if (CommonOptions.IsJson(parsed))
                Output.Line(MachineJson.Of(MachineView.Of(machine)));
            else
                Output.VisibleLine(machine.Name);
            return ExitCodes.Ok;
        });
        return command;
    }

    private static async Task<int> PlanAsync(Connection daemon, RunMachineRequest request, bool json, CancellationToken ct)
    {
        var plan = await PlanCommand.AskAsync(daemon, request, ct);
        Output.Warnings(plan.Warnings);
        if (json)
        {
            Output.Line(MachineJson.Of(PlanView.Of(plan)));
        }
        else
        {
            Output.Line(ShellQuote.Line(plan.Argv));
            foreach (var path in plan.RunTimePaths)
                Output.Note($"# exists only while the machine runs: {path}");
        }

        return ExitCodes.Ok;
    }
}
