using System.CommandLine;
using Grpc.Core;
using VmHost.Cli.Terminal;
using VmHost.Protocol.V1;

namespace VmHost.Cli.Commands;

/// <summary>Shows what would run, for any hypervisor, installed or not.</summary>
internal static class PlanCommand
{
    internal static Command Create()
    {
        var spec = new SpecOptions();
        var script = new Option<bool>("--script") { Description = "Write NAME.sh, which runs it without VmHost" };
        var command = new Command("plan", "Show the command line that would run, with the reason of each option") { script };
        spec.AddTo(command);
        command.SetAction(async (parsed, ct) =>
        {
            var request = spec.ToRequest(parsed);
            await BuiltImage.BuildAsync(request, ct);
            using var daemon = Connection.Open(parsed);
            try
            {
                var plan = await AskAsync(daemon, request, ct);
                Output.Warnings(plan.Warnings);
                if (parsed.GetValue(script))
                    return WriteScript(plan, request);
                if (CommonOptions.IsStructured(parsed))
                    CommonOptions.Print(parsed, MachineJson.Of(PlanView.Of(plan)));
                else
                    Show(plan);
                return ExitCodes.Ok;
            }
            catch (RpcException e) when (Errors.IsRefusal(e))
            {
                Errors.Report(e, "plan");
                return ExitCodes.Refused;
            }
        });
        return command;
    }

    internal static async Task<PlanMachineResponse> AskAsync(Connection daemon, RunMachineRequest request, CancellationToken ct)
    {
        var asked = new PlanMachineRequest { Spec = request.Spec };
        if (request.HasName)
            asked.Name = request.Name;

        return await daemon.Machines.PlanMachineAsync(asked, cancellationToken: ct);
    }

    private static void Show(PlanMachineResponse plan)
    {
        var rows = plan.Options.Select(option => (Words: ShellQuote.Line(option.Words), option.Reason)).ToList();

        // A long kernel command line does not push all reasons off the screen.
        const int widest = 48;
        var width = rows.Select(row => row.Words.Length).Where(length => length <= widest).DefaultIfEmpty(0).Max();
        Output.Line(ShellQuote.Quote(plan.Executable));
        foreach (var (words, reason) in rows)
            Output.Line($"  {words.PadRight(width)}  # {reason}");
        foreach (var link in plan.Links)
            Output.Note($"# {link.Path} is a link to {link.Target}");
    }

    private static int WriteScript(PlanMachineResponse plan, RunMachineRequest request)
    {
        var file = PlanScript.NameFor(request) + ".sh";
        PlanScript.Write(file, plan);
        Output.VisibleLine(file);
        return ExitCodes.Ok;
    }
}
