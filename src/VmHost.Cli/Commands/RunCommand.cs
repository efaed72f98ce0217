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
        var wait = new Option<string?>("--wait", "-w") { Description = "With --detach: return when that holds", HelpName = WaitSyntax.HelpName };
        var timeout = TimeLimit.Option();
        timeout.Description = "Wait at most so long, then exit with 124; the machine goes on (default: for ever)";
        var command = new Command("run", "Create a machine from PREFIX-kernel, PREFIX-initrd.img and PREFIX-cmdline, or from LinuxKit's YAML, and run it") { detach, dryRun, remove, wait, timeout };
        spec.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var request = spec.ToRequest(parsed);
            var text = parsed.GetValue(wait);
            var condition = text is null ? null : WaitSyntax.Parse("--wait", text);
            var limit = TimeLimit.Of(parsed, timeout);
            Check(parsed.GetValue(detach), parsed.GetValue(remove), condition is not null, limit is not null);

            await BuiltImage.BuildAsync(request, ct);
            using var daemon = Connection.Open(parsed);
            Machine machine;
            try
            {
                if (parsed.GetValue(dryRun))
                    return await PlanAsync(daemon, request, parsed, ct);

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

            // Also when it does not come to what is waited for: the machine is there, and this is its name.
            if (!CommonOptions.IsStructured(parsed))
                Output.VisibleLine(machine.Name);
            if (condition is not null)
                machine = await WaitSyntax.WaitAsync(daemon, machine.Id, condition, text!, limit, ct);
            if (CommonOptions.IsStructured(parsed))
                CommonOptions.Print(parsed, MachineJson.Of(MachineInfo.Of(machine)));
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void Check(bool detach, bool remove, bool waits, bool hasLimit)
    {
        if (remove && detach)
            throw new CliException(ExitCodes.Usage, "--rm does not go with --detach: nobody would be there to delete it");
        if (waits && !detach)
            throw new CliException(ExitCodes.Usage, "--wait goes with --detach: without it, run returns when the machine ends");
        if (hasLimit && !waits)
            throw new CliException(ExitCodes.Usage, "--timeout goes with --wait");
    }

    private static async Task<int> PlanAsync(Connection daemon, RunMachineRequest request, ParseResult parsed, CancellationToken ct)
    {
        var plan = await PlanCommand.AskAsync(daemon, request, ct);
        Output.Warnings(plan.Warnings);
        if (CommonOptions.IsStructured(parsed))
        {
            CommonOptions.Print(parsed, MachineJson.Of(PlanView.Of(plan)));
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
